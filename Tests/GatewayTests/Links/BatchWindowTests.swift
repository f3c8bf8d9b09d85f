import FoundationEssentials
import PlimsollWire
import Testing

@testable import Gateway

@Suite("How long an agent may let a request wait for others")
struct BatchWindowTests {
    private static let stream = [
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n", "data: [DONE]\n\n",
    ]

    /// What the agent hears with one request of a tier with this window.
    ///
    /// - Parameter fields: Of the customer's head.
    private func heard(_ window: Int?, fields: String = "", _ mitigations: [MitigationEntry] = []) async throws -> [Int] {
        let linked = try LinkedHost(stream: (Self.stream, ends: true))
        var setup = GatewayFixture.Setup()
        setup.registry = linked.links.registry
        setup.tier.microBatchWindowMilliseconds = window
        var entry = linked.entry("worker-1")
        entry.release = "r"
        setup.edit = { [entry] table in
            table.workers = [entry]
            table.mitigations = mitigations
        }
        let load = linked.links.registry.load(worker: "worker-1")
        try await linked.running {
            try await until { load.isReady }
            let records = try await GatewayFixture.run([], setup) { gateway in
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.stream, fields: fields)
                let answer = try await client.answer()
                #expect(answer.contains("[DONE]"))
            }
            #expect(records.map(\.outcome) == ["good"])
            try await until { load.inFlight == 0 }
        }
        return linked.windows.all
    }

    private func shortening(_ model: String, region: String? = nil) -> MitigationEntry {
        MitigationEntry(
            id: "x", action: "shorten_batch_window", model: model, region: region, value: 25,
            expiresAtSeconds: Int64(Date().timeIntervalSince1970) + 600)
    }

    @Test("it is the tier's, and no tier says none", arguments: [nil, 10, 25])
    func ofTier(window: Int?) async throws {
        #expect(try await heard(window) == [window ?? 0])
    }

    @Test("a customer has no say in it", arguments: [nil, 10])
    func notOfCustomer(window: Int?) async throws {
        #expect(try await heard(window, fields: "\(LinkHeader.batchWindow): 20\r\n") == [window ?? 0])
    }

    @Test("while batch windows are shortened for its model nobody waits, and other models and regions go on as always")
    func shortened() async throws {
        #expect(try await heard(10, [shortening("m")]) == [0])
        #expect(try await heard(10, [shortening("other"), shortening("m", region: "elsewhere")]) == [10])
    }
}
