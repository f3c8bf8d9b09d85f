import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct GatewayLossTests {
        /// `PLIMSOLL_KILLS`: how many, in place of 20.
        @Test(.timeLimit(.minutes(20))) func everyFinishedAnswerHasOneRecordThroughManyKills() async throws {
            let kills = ProcessInfo.processInfo.environment["PLIMSOLL_KILLS"].flatMap { Int($0) } ?? 20
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 16, maxTokens: 12, seconds: 90 + 8 * kills)
                for _ in 0..<kills {
                    let finished = load.endings.count("finished")
                    try await Waiting.until("answers after a restart", within: .seconds(40)) { load.endings.count("finished") >= finished + 16 }
                    let gateway = try plimsoll.pid("gateway")
                    try plimsoll.kill("gateway")
                    try await plimsoll.restarted("gateway", from: gateway)
                }
                let endings = try await load.finish()
                #expect(endings.count("finished") > 300, "\(endings.summary)")
                // Finished or cut: whoever saw the head of an answer is in the books once.
                let answered = Set(endings.filter { $0.status == 200 }.compactMap(\.id))
                let counts = try await plimsoll.recordCounts(of: answered)
                #expect(counts.values.allSatisfy { $0 == 1 })
                #expect(try await plimsoll.rows("SELECT request_id FROM billing.usage_quarantine").isEmpty)
            }
        }
    }
}
