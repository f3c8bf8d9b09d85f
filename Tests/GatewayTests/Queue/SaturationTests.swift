import Logging
import PlimsollWire
import SimulatedRuntime
import Testing

@testable import Gateway

/// Two event loops before a simulated runtime that refuses whatever is more than it has slots.
@Suite("Saturated workers")
struct SaturationTests {
    private static let slots = 2

    private func settings() -> SimulationSettings {
        var settings = SimulationSettings(dialect: .vllm, model: "m")
        (settings.slots, settings.queueCap) = (Self.slots, Self.slots)
        (settings.firstToken, settings.tokenGap) = (.milliseconds(2), .milliseconds(1))
        return settings
    }

    private func setup(port: Int) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.loops = 2
        setup.tier.queue = TierQueue(waitMicroseconds: 60_000_000)
        setup.edit = { table in
            table.workers = [
                WorkerEntry(
                    id: "worker-0", host: "host-0", provider: "p", pool: "p", region: "default", model: "m", release: "r", dialect: .vllm,
                    link: .direct, url: "http://127.0.0.1:\(port)", draining: false, slots: Self.slots, contextTokens: 0, weight: 1_000_000)
            ]
        }
        return setup
    }

    @Test("are never sent more than they have slots, and everybody is answered")
    func slotsHold() async throws {
        let runtime = SimulatedRuntime(settings: settings(), listen: .loopback(port: 0), logger: Logger(label: "test"), onCrash: {})
        let running = try await runtime.start()
        let records = try await GatewayFixture.run([], setup(port: running.port ?? 0)) { gateway in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let client = try await TestClient(port: gateway.port)
                        try await client.post(#"{"model":"m","max_tokens":4,"messages":[{"role":"user","content":"hi"}]}"#)
                        return try await client.answer()
                    }
                }
                for try await answer in group { #expect(answer.hasPrefix("HTTP/1.1 200 ")) }
            }
            #expect(gateway.metric("plimsoll_gateway_queued_requests") == "0")
        }
        await running.stop()
        // One attempt each: the runtime has refused none.
        #expect(records.count == 40 && records.allSatisfy { $0.attempts == 1 && $0.outcome == "good" })
        #expect(records.contains { $0.queuedFor > 0 })
    }
}
