import Gateway
import PlimsollWire
import TestSupport
import Testing

/// Which failures a customer is spared. Runtimes answer by the order in which requests come to any of them.
@Suite("Second tries")
struct SecondTryTests {
    private static let garbage = ScriptedRuntime.Step.send("garbage\r\n\r\n")
    private static let answer = ScriptedRuntime.Step.send(Answers.json(Samples.answer))
    private static let failure = ScriptedRuntime.Step.send(Answers.json("{}", status: "500 Oops"))
    /// What an agent says whose runtime was never asked.
    private static let unasked = ScriptedRuntime.Step.send(
        "HTTP/1.1 503 Service Unavailable\r\nplimsoll-refusal: runtime_unreachable\r\ncontent-length: 0\r\n\r\n")

    private func runtimes(_ count: Int, _ script: @escaping @Sendable (_ arrival: Int) -> [ScriptedRuntime.Step]) async throws -> [ScriptedRuntime] {
        let counter = Counter()
        var all: [ScriptedRuntime] = []
        for _ in 0..<count {
            all.append(try await ScriptedRuntime { _, request in request.contains("Hello") ? [Self.answer] : script(counter.next()) })
        }
        return all
    }

    @Test("what another worker answers costs a tenant's budget nothing, however little it asks")
    func givenBack() async throws {
        let runtimes = try await runtimes(2) { $0 % 2 == 1 ? [Self.garbage] : [Self.answer] }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for number in 0..<8 {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"), "\(number)")
            }
        }
        #expect(records.map(\.attempts) == Array(repeating: 2, count: 8))
    }

    /// One worker has all three, or the other has one of them.
    @Test("three requests at once at workers that begin to answer garbage are answered by others", arguments: [1, 1_000_000])
    func burst(weight: Int) async throws {
        let (failed, release) = (ScriptedMoment(), ScriptedMoment())
        let runtimes = try await runtimes(2) { arrival in
            if arrival == 3 { failed.come() }
            if arrival <= 3 { return [failed.step, Self.garbage] }
            if arrival == 5 { release.come() }
            return arrival <= 5 ? [release.step, Self.answer] : [Self.answer]
        }
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.workers[1].weight = weight }
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            var clients: [TestClient] = []
            for _ in 0..<3 {
                clients.append(try await TestClient(port: gateway.port))
                try await clients.last?.post(Samples.request)
            }
            for client in clients { #expect(try await client.answer().hasPrefix("HTTP/1.1 200")) }
        }
        #expect(records.map(\.attempts) == [2, 2, 2])
    }

    @Test("workers that were never asked do not count among those that failed")
    func losses() async throws {
        let runtimes = try await runtimes(4) { $0 <= 2 ? [Self.unasked] : $0 == 3 ? [Self.failure] : [Self.answer] }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
        }
        #expect(records.map(\.attempts) == [4])
    }

    @Test("three workers may fail it, and no more are asked")
    func failures() async throws {
        let runtimes = try await runtimes(5) { _ in [Self.failure] }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 502"))
        }
        #expect(records.map(\.attempts) == [3])
    }

    @Test("who is told of a failure because there is no room elsewhere hears when to come again")
    func refused() async throws {
        let release = ScriptedMoment()
        defer { release.come() }
        let runtimes = try await runtimes(2) { $0 == 1 ? [release.step, Self.answer] : [Self.failure] }
        var setup = GatewayFixture.Setup()
        setup.tier.queue = TierQueue(waitMicroseconds: 0)
        setup.tier.queue?.requests = 0
        setup.edit = { table in for place in table.workers.indices { table.workers[place].slots = 1 } }
        try await GatewayFixture.run(runtimes, setup) { gateway in
            let (first, second) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await first.post(Samples.request)
            try await until { runtimes.contains { !$0.seen.requests.isEmpty } }
            try await second.post(Samples.request)
            let answer = try await second.answer()
            #expect(answer.hasPrefix("HTTP/1.1 502") && answer.contains("\r\nretry-after: "), "\(answer)")
            release.come()
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200"))
        }
    }
}
