import Domain
import Gateway
import PlimsollWire
import TestSupport
import Testing

@Suite struct PoisonTests {
    private static let outOfMemory =
        #"{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB","type":"InternalServerError","code":500}}"#

    /// Row 13 of the failure catalogue: a prompt that kills the runtime, or that it survives without memory, is not carried from host to host.
    @Test(arguments: [
        [ScriptedRuntime.Step.reset], [.send(Answers.json(outOfMemory, status: "500 Internal Server Error"))],
        [.send(Answers.streamHead + Answers.event(outOfMemory) + Answers.streamEnd)],
    ])
    func aRequestThatRuntimesDieOfIsTriedTwice(_ steps: [ScriptedRuntime.Step]) async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in steps }) }
        var answer = ""
        var count: String?
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            answer = try await client.answer()
            count = gateway.metric("plimsoll_gateway_poison_requests_total")
        }
        // It is remembered by the id that its customer has, with both runtimes that died of it.
        let (record, told) = (try #require(records.first), try #require(records.first?.account))
        #expect(answer.contains("x-request-id: \(record.requestId)\r\n") && told.fault == "runtime")
        #expect(told.attempts.count == 2 && told.attempts.allSatisfy { $0.result != "answered" })
        #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains(#""code":"runtime_lost""#))
        #expect(answer.contains("\r\nx-should-retry: false\r\n"))
        #expect(runtimes.reduce(0) { $0 + $1.seen.requests.count } == 2)
        #expect(records.map(\.errorCode) == ["runtime_lost"] && records.map(\.attempts) == [2])
        #expect(count == "1")
    }
}
