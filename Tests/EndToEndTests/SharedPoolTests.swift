import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// Two gateways before the same workers.
    @Suite struct SharedPoolTests {
        /// Free streams of one gateway hold every slot; paid requests come to the other one, which runs nothing itself that could make way.
        @Test(.timeLimit(.minutes(4))) func freeStreamsOfOneGatewayMakeWayForPaidRequestsOfAnother() async throws {
            try await Installation.with { plimsoll in
                let other = try await plimsoll.addGateway(1)
                defer { other.child.signal(SIGKILL) }
                let freed = #"{"tenant_share_percent":100,"concurrent_requests":1000,"requests_per_minute":100000,"tokens_per_minute":100000000}"#
                try #require(try await plimsoll.admin("PATCH", "/tiers/hobby", freed).status == 200)
                let free = try LoadClient(
                    url: other.url, key: plimsoll.environment["PLIMSOLL_API_KEY_HOBBY"] ?? "", model: plimsoll.model, customers: 200,
                    maxTokens: 1_000, seconds: 60, prompt: "[[tokens 1000]]")
                try await Waiting.until("free streams wait for slots", within: .seconds(40)) {
                    free.endings.contains { $0.status == 429 }
                }
                let paid = try LoadClient(
                    url: plimsoll.url, key: plimsoll.key, model: plimsoll.model, customers: 8, turns: 3, maxTokens: 20, seconds: 40)
                let endings = try await paid.finish()
                await free.stop()
                #expect(endings.count("finished") >= endings.count * 3 / 4, "\(endings.summary)")
                #expect(free.endings.contains { $0.first && $0.detail.contains("over_capacity") }, "a free stream was ended for one of them")
            }
        }
    }
}
