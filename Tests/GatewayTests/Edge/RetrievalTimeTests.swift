import Gateway
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// What a client says that its own retrieval took.
@Suite struct RetrievalTimeTests {
    private static let readings: [(text: String, microseconds: Int32?)] = [
        ("0", 0), ("850", 850_000), ("12.5", 12_500), ("0.0019", 1), ("600000", 600_000_000), ("600000.0", 600_000_000), ("600000.001", nil),
        ("600001", nil), ("", nil), ("-1", nil), ("+1", nil), ("1.", nil), (".5", nil), ("1.2.3", nil), ("1e3", nil), ("12ms", nil), ("1,5", nil),
        (" 1", nil), ("nan", nil), ("99999999999999999999", nil), ("000000000000000000001", nil),
    ]

    @Test(arguments: readings)
    func `a number of milliseconds is read to the microsecond, and nothing else is one`(reading: (text: String, microseconds: Int32?)) {
        var text = reading.text
        let read = text.withUTF8 { RetrievalTime(UnsafeRawBufferPointer($0)) }
        #expect(read?.microseconds == reading.microseconds)
    }

    private static func runtime() async throws -> ScriptedRuntime {
        try await ScriptedRuntime { _, request in
            request.contains(#""stream":true"#) ? [.send(Samples.wholeStream)] : [.send(Answers.json(Samples.answer))]
        }
    }

    @Test func `what a client tells is in its record and the metrics, and reaches no host`() async throws {
        let runtime = try await Self.runtime()
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream, fields: "X-Retrieval-Ms: 850.25\r\n")
            #expect(try await client.answer().contains("[DONE]"))
            let second = try await HTTP2Client(port: gateway.port)
            second.post(1, Samples.request, fields: [("x-retrieval-ms", "30")])
            #expect(try await second.answer(1).status == "200")
            second.post(3, Samples.request)
            #expect(try await second.answer(3).status == "200")
            #expect(gateway.metric("plimsoll_gateway_retrieval_seconds_count") == "2")
            #expect(gateway.metric("plimsoll_gateway_retrieval_and_first_token_seconds_count") == "1")
            #expect(gateway.metric("plimsoll_gateway_retrieval_and_answer_seconds_count") == "2")
        }
        #expect(records.map(\.retrieval) == [850_250, 30_000, nil] && records.map(\.outcome) == ["good", "good", "good"])
        #expect(runtime.seen.requests.allSatisfy { !$0.lowercased().contains("retrieval") })
    }

    @Test func `what is no such time is refused by its name, in both protocols`() async throws {
        let runtime = try await Self.runtime()
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request, fields: "x-retrieval-ms: 600001\r\n")
            let refused = try await client.answer()
            #expect(refused.hasPrefix("HTTP/1.1 400 ") && refused.contains("'x-retrieval-ms'") && refused.contains("invalid_request_error"))
            let second = try await HTTP2Client(port: gateway.port)
            second.post(1, Samples.request, fields: [("x-retrieval-ms", "soon")])
            let answer = try await second.answer(1)
            #expect(answer.status == "400" && answer.body.contains("'x-retrieval-ms'"))
            let twice = try await TestClient(port: gateway.port)
            try await twice.post(Samples.request, fields: "x-retrieval-ms: 1\r\nx-retrieval-ms: 1\r\n")
            #expect(try await twice.answer().hasPrefix("HTTP/1.1 400 "))
        }
        #expect(records.isEmpty && runtime.seen.requests.isEmpty)
    }
}
