import PlimsollWire
import Testing

@testable import Gateway

/// The links are on other event loops than the customers' connections, so that every exchange crosses.
@Suite("Requests over links")
struct LinkedRelayTests {
    private static let tokens = ["a", "b"].map { "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\($0)\"}}]}\n\n" }
    private static let end = [
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n", "data: [DONE]\n\n",
    ]

    /// Runs `body` before a gateway of two loops with one linked worker; returns the records.
    private func serving(_ linked: LinkedHost, _ body: (GatewayFixture) async throws -> Void) async throws -> [UsageRecord] {
        var setup = GatewayFixture.Setup()
        setup.loops = 2
        setup.registry = linked.links.registry
        var entry = linked.entry("worker-1")
        entry.release = "r"
        setup.edit = { [entry] in $0.workers = [entry] }
        let load = linked.links.registry.load(worker: "worker-1")
        var records: [UsageRecord] = []
        try await linked.running {
            try await until { load.isReady }
            records = try await GatewayFixture.run([], setup, body)
            try await until { load.inFlight == 0 }
        }
        return records
    }

    @Test("streams cross whole and are recorded once each")
    func crossing() async throws {
        let records = try await serving(try LinkedHost(stream: (Self.tokens + Self.end, ends: true))) { gateway in
            for _ in 0..<6 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.stream)
                let answer = try await client.answer()
                #expect(answer.contains(#""content":"b""#) && answer.contains("[DONE]"))
            }
        }
        #expect(records.map(\.outcome) == Array(repeating: "good", count: 6))
        #expect(records.allSatisfy { $0.billableCompletionTokens == 2 && $0.attempts == 1 })
    }

    @Test("a client that leaves frees the worker on the other loop and pays for what it got")
    func leaving() async throws {
        let linked = try LinkedHost(stream: (Self.tokens, ends: false))
        let load = linked.links.registry.load(worker: "worker-1")
        let records = try await serving(linked) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"b""#) }
            #expect(load.inFlight == 1)
            try await client.close()
            try await until { load.inFlight == 0 }
        }
        #expect(records.map(\.outcome) == ["excluded:client_abort"])
        #expect(records.map(\.billableCompletionTokens) == [2])
    }

    @Test("a stream that runs when the gateway stops is told so and not billed")
    func draining() async throws {
        var clients: [TestClient] = []
        let records = try await serving(try LinkedHost(stream: (Self.tokens, ends: false))) { gateway in
            let client = try await TestClient(port: gateway.port)
            clients.append(client)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"b""#) }
        }
        #expect(try await #require(clients.first).answer().contains("shutting_down"))
        #expect(records.map(\.billableCompletionTokens) == [0])
    }
}
