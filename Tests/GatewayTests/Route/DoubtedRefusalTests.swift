import Gateway
import PlimsollWire
import TestSupport
import Testing

@Suite("Refusals that one worker makes")
struct DoubtedRefusalTests {
    private static let refusal = Answers.json(#"{"error":{"message":"no","type":"BadRequestError","code":400}}"#, status: "400 Bad Request")

    @Test("a worker that refuses everything costs no customer an answer, and is out after three", arguments: [true, false])
    func refusesEverything(streams: Bool) async throws {
        let broken = try await ScriptedRuntime { _, _ in [.send(Self.refusal)] }
        let good = try await ScriptedRuntime { _, _ in [.send(streams ? Samples.wholeStream : Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        // The broken one is asked first as long as it is in rotation.
        setup.edit = { $0.workers[1].weight = 1 }
        var asked = 0
        let records = try await GatewayFixture.run([broken, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            while asked < 20 || broken.seen.requests.count < 3 && asked < 500 {
                asked += 1
                client.clear()
                try await client.post(streams ? Samples.stream : Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            try await until { gateway.metric(#"plimsoll_gateway_workers_out{reason="failures"}"#) == "1" }
        }
        #expect(records.count == asked && records.allSatisfy { $0.outcome == "good" })
        #expect(broken.seen.requests.count { !$0.contains("Hello") } == 3)
    }

    @Test("what is a customer's own fault is told, and asked twice of few")
    func refusedByAll() async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<3 { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Self.refusal)] }) }
        let (asked, began) = (100, ContinuousClock.now)
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<asked {
                client.clear()
                try await client.post(Samples.request)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains(#""code":"invalid_request""#))
            }
            #expect(gateway.metric(#"plimsoll_gateway_workers_out{reason="failures"}"#) != "1")
        }
        let seen = runtimes.map(\.seen.requests.count).reduce(0, +)
        // Two of ten seconds may be, however little comes.
        let windows = Int(began.duration(to: .now) / .seconds(10)) + 1
        #expect(seen > asked && seen <= asked * 11 / 10 + windows * 2)
        #expect(records.allSatisfy { $0.outcome == "excluded:4xx" })
    }

    @Test("a refusal stands where the other worker that was asked fails")
    func otherFails() async throws {
        let refusing = try await ScriptedRuntime { _, _ in [.send(Self.refusal)] }
        let failing = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}", status: "500 Oops"))] }
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.workers[1].weight = 1 }
        try await GatewayFixture.run([refusing, failing], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 400"))
            #expect(failing.seen.requests.count == 1)
        }
    }
}
