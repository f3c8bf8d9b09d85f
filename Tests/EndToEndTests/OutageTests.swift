import TestSupport
import Testing

extension MachineTests {
    @Suite struct OutageTests {
        @Test(.timeLimit(.minutes(4))) func customersAreServedWithoutAControlPlane() async throws {
            try await Installation.with { plimsoll in
                try plimsoll.kill("control", 19)
                let load = try plimsoll.load(customers: 20, maxTokens: 20)
                try await load.waitForEndings(100)
                let gateway = try plimsoll.pid("gateway")
                let before = try await load.finish()
                #expect(before.count("finished") == before.count, "\(before.summary)")
                try plimsoll.kill("gateway")
                try await plimsoll.restarted("gateway", from: gateway)
                try await Waiting.until("answers from the table on disk", within: .seconds(30)) { try await plimsoll.answers() }
                try plimsoll.kill("control", 18)
                let ids = Set(before.compactMap(\.id))
                #expect(try await plimsoll.recordCounts(of: ids).values.allSatisfy { $0 == 1 })
            }
        }

        @Test(.timeLimit(.minutes(4))) func databaseRestartLosesNothingThatWasAcknowledged() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 10, maxTokens: 20)
                try await load.waitForEndings(20)
                let key = try await plimsoll.makeKey("before the restart")
                let postgres = try plimsoll.pid("postgres")
                // Immediate shutdown: as a crash, with recovery at the next start.
                try plimsoll.kill("postgres", 3)
                try await plimsoll.restarted("postgres", from: postgres)
                try await Waiting.until("changes are taken again", within: .seconds(30)) {
                    do { return try await plimsoll.makeKey("after the restart").id != "" } catch { return false }
                }
                #expect(try await plimsoll.rows("SELECT id FROM serving.api_keys WHERE id = '\(key.id)'") == [key.id])
                let endings = try await load.finish()
                #expect(endings.count("finished") == endings.count, "\(endings.summary)")
                let ids = Set(endings.compactMap(\.id))
                #expect(try await plimsoll.recordCounts(of: ids).values.allSatisfy { $0 == 1 })
            }
        }
    }
}
