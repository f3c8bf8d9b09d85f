import TestSupport
import Testing

extension MachineTests {
    @Suite struct HostLossTests {
        @Test(.timeLimit(.minutes(4))) func killedHostCostsNobodyWhoHadNoToken() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 40, maxTokens: 60)
                for _ in 0..<3 {
                    try await load.waitForFirstTokens(load.endings.count + 40)
                    let (agent, runtime) = (try plimsoll.pid("agent:alpha"), try plimsoll.pid("runtime:alpha"))
                    try plimsoll.kill("agent:alpha")
                    try plimsoll.kill("runtime:alpha")
                    try await plimsoll.restarted("agent:alpha", from: agent)
                    try await plimsoll.restarted("runtime:alpha", from: runtime)
                    try await plimsoll.serves(host: 0)
                }
                let endings = try await load.finish()
                expectNoneLostBeforeAToken(endings)
                #expect(endings.count("finished") > 100, "\(endings.summary)")
            }
        }

        @Test(.timeLimit(.minutes(4))) func silentHostIsLeftWithinThreeSeconds() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 20, maxTokens: 30)
                try await load.waitForFirstTokens(40)
                try plimsoll.kill("agent:alpha", 19)
                let before = load.endings.count
                try await load.waitForEndings(before + 200)
                try plimsoll.kill("agent:alpha", 18)
                let endings = try await load.finish()
                expectNoneLostBeforeAToken(endings)
                #expect(endings.allSatisfy { $0.seconds < 8 }, "slowest \(endings.map(\.seconds).max() ?? 0) s")
            }
        }

        @Test(.timeLimit(.minutes(4))) func drainedHostLosesNothing() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 30, maxTokens: 60)
                try await load.waitForFirstTokens(60)
                let host = try #require(try await plimsoll.rows("SELECT id FROM serving.hosts ORDER BY enrolled_at LIMIT 1").first)
                let drained = try await plimsoll.admin("POST", "/hosts/\(host)/drain", "{}")
                #expect((200...202).contains(drained.status), "\(drained.body)")
                let before = load.endings.count
                try await load.waitForEndings(before + 100)
                let resumed = try await plimsoll.admin("POST", "/hosts/\(host)/resume", "{}")
                #expect((200...202).contains(resumed.status), "\(resumed.body)")
                let endings = try await load.finish()
                #expect(endings.count("finished") == endings.count, "\(endings.summary)")
            }
        }
    }
}

/// Nobody without a token failed; whoever had one was told in the stream.
func expectNoneLostBeforeAToken(_ endings: [LoadClient.Ending]) {
    #expect(endings.allSatisfy { $0.first || $0.outcome == "finished" }, "\(endings.summary)")
    #expect(endings.count("cut") == 0, "\(endings.summary)")
    #expect(endings.count("unanswered") == 0, "\(endings.summary)")
}
