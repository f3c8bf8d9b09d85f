import TestSupport
import Testing

extension MachineTests {
    @Suite struct WorkerRestartTests {
        /// A runtime answers nonsense while its host is well: its agent starts it again for the incident, and it serves again.
        @Test(.timeLimit(.minutes(6))) func aRuntimeThatAnswersNonsenseIsRestartedAndServesAgain() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 4, maxTokens: 20, seconds: 120, plain: true)
                try await Waiting.until("some answers are whole", within: .seconds(60)) { load.endings.count("finished") >= 8 }
                let runtime = try plimsoll.pid("runtime:alpha")
                try await plimsoll.orderFault("alpha", #"{"fault":"garbage"}"#)
                try await plimsoll.restarted("runtime:alpha", from: runtime, within: .seconds(150))
                try await plimsoll.serves(host: 0)
                try await Waiting.until("the restart is told", within: .seconds(30)) {
                    try await plimsoll.rows("SELECT kind, state FROM serving.operations") == ["restart|done"]
                }
                let told = try await plimsoll.rows(
                    "SELECT count(*) FROM reliability.incident_event WHERE actor = 'agent' AND text LIKE 'restart of worker%: done%'")
                #expect(told == ["1"])
                let actions = try await plimsoll.rows(
                    "SELECT action, requested_by FROM reliability.mitigation WHERE mode = 'automatic' ORDER BY created_at LIMIT 1")
                #expect(actions == ["restart_worker|policy"])
                try await Waiting.until("gateways have it in rotation again", within: .seconds(120)) {
                    try await plimsoll.rows("SELECT count(*) FROM serving.gateways WHERE workers_out <> '{}'") == ["0"]
                }
                let endings = try await load.finish()
                for lost in endings where !lost.first && lost.outcome != "finished" {
                    print("\(lost): \(try await plimsoll.admin("GET", "/requests/\(lost.id ?? "")").body)")
                }
                expectNoneLostBeforeAToken(endings)
            }
        }
    }
}
