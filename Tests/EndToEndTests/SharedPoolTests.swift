import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// Two gateways before the same workers.
    @Suite struct SharedPoolTests {
        private static let freed =
            """
            {"tenant_share_percent":100,"concurrent_requests":1000,"requests_per_minute":100000,"tokens_per_minute":100000000,
             "queue_wait_microseconds":120000000}
            """

        /// No slot is left free for them, and they have two seconds.
        private static let paid = #"{"capacity_policy":"warm_regional","burst_percent":0,"reserved_percent":0,"queue_wait_microseconds":2000000}"#

        /// Free streams of one gateway hold every slot; paid requests come to the other one, which runs nothing itself that could make way.
        @Test(.timeLimit(.minutes(4))) func freeStreamsOfOneGatewayMakeWayForPaidRequestsOfAnother() async throws {
            try await Installation.with { plimsoll in
                let other = try await plimsoll.addGateway(1)
                defer { other.child.signal(SIGKILL) }
                try #require(try await plimsoll.admin("PATCH", "/tiers/hobby", Self.freed).status == 200)
                for tier in ["pro", "business"] {
                    try #require(try await plimsoll.admin("PATCH", "/tiers/\(tier)", Self.paid).status == 200)
                }
                // So that no place comes free by itself: an answer then takes 45 s.
                for provider in ["alpha", "beta"] { try await plimsoll.orderFault(provider, #"{"token_gap_ms":100}"#) }
                let free = try LoadClient(
                    url: other.url, key: plimsoll.environment["PLIMSOLL_API_KEY_HOBBY"] ?? "", model: plimsoll.model, customers: 200,
                    maxTokens: 450, seconds: 90, prompt: "[[tokens 450]]")
                try await Waiting.until("free streams wait for slots", within: .seconds(60)) {
                    try await Self.metric("plimsoll_gateway_queued_requests", plimsoll, port: 112) >= 50
                }
                let paid = try LoadClient(url: plimsoll.url, key: plimsoll.key, model: plimsoll.model, customers: 8, maxTokens: 20, seconds: 60)
                try await paid.waitForEndings(40)
                let endings = try await paid.finish()
                let yields = try await Self.metric("plimsoll_gateway_yields_total", plimsoll, port: 112)
                await free.stop()
                print("paid: \(endings.summary); free streams that made way: \(yields)")
                #expect(endings.count("finished") >= endings.count * 3 / 4, "\(endings.summary)")
                #expect(yields > 0)
            }
        }

        private static func metric(_ name: String, _ plimsoll: Installation, port: Int) async throws -> Double {
            let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(plimsoll.portBase + port)/metrics")
            let line = page.body.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
        }
    }
}
