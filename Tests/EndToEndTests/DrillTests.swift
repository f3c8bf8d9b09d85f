import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct DrillTests {
        /// A provider is cut off on a live installation while customers ask: an incident, a mitigation in the gateways' table, everything taken
        /// back, no request lost.
        @Test(.timeLimit(.minutes(6))) func aProviderIsLostDuringLoadAndThePromiseHolds() async throws {
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 6, maxTokens: 20, seconds: 60, plain: true)
                try await Waiting.until("some answers are whole", within: .seconds(60)) { load.endings.count("finished") >= 12 }
                // Questions that were asked before the hosts served have been counted by then.
                try await Waiting.until("the counts are in", within: .seconds(60)) {
                    try await plimsoll.rows("SELECT coalesce(sum(good), 0) >= 20 FROM reliability.minute") == ["t"]
                }
                let errors = plimsoll.state + "/drill.log"
                let drill = try ChildProcess(
                    Checkout.program("plimsoll"), ["drill", "provider-loss", "--compress", "--seconds", "25"], environment: plimsoll.environment,
                    errors: errors)
                let code = try await drill.ended(within: .seconds(240))
                let told = drill.lines.joined(separator: "\n")
                let endings = try await load.finish()
                #expect(code == 0, "\(told) \((try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")")
                #expect(told.contains("the promise held") && told.contains("drain_provider") && told.contains("provider"), "\(told)")
                #expect(endings.allSatisfy { $0.outcome == "finished" }, "\(endings.summary)")
                // With the provider goes the redundancy of what is sold, which is an incident of its own.
                try await Waiting.until("its incidents are over", within: .seconds(120)) {
                    try await plimsoll.rows(
                        """
                        SELECT count(*) FILTER (WHERE rule = 'provider_health') || ' ' || count(*) FILTER (WHERE resolved_at IS NULL)
                        FROM reliability.incident WHERE drill
                        """) == ["1 0"]
                }
                let left = try await plimsoll.rows("SELECT count(*) FROM reliability.mitigation WHERE state = 'active' AND action = 'drain_provider'")
                #expect(left == ["0"], "it was taken back")
            }
        }
    }
}
