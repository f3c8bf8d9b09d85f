import Gateway
import HTTPWire
import PlimsollWire
import TestSupport

/// One call of a customer and what the runtime behind the gateway was sent for it.
struct APICall {
    /// Head and body as the customer got them.
    let answer: String
    /// Body that the runtime got; empty when it got nothing.
    let sent: String
    /// First line of what the runtime got.
    let asked: String
    let records: [UsageRecordSummary]

    /// What of a record these tests look at.
    struct UsageRecordSummary: Equatable {
        var outcome: String
        var prompt: Int
        var completion: Int
        var attempts: Int
        var errorCode: String?
        var isEstimated = false
    }

    var status: String { String(answer.dropFirst("HTTP/1.1 ".count).prefix(3)) }

    func json() throws -> JSONValue { try JSONValue.parse(body) }

    var body: String { answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? "" }

    /// Names of the events of a stream, in order.
    var events: [String] {
        body.replacing("\r\n", with: "\n").split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst("event: ".count)) }
    }

    /// - Parameter reply: bytes that the runtime answers with.
    static func make(
        _ path: String, _ body: String, reply: String, setup: GatewayFixture.Setup = GatewayFixture.Setup(), fields: String = ""
    ) async throws -> APICall {
        let runtime = try await ScriptedRuntime { _, _ in [.send(reply)] }
        var answer = ""
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body, path: path, fields: fields)
            answer = try await client.answer()
        }
        let request = runtime.seen.requests.first ?? ""
        let sent = request.firstRange(of: "\r\n\r\n").map { String(request[$0.upperBound...]) } ?? ""
        return APICall(
            answer: answer, sent: sent, asked: String(request.prefix { $0 != "\r\n" }),
            records: records.map {
                UsageRecordSummary(
                    outcome: $0.outcome, prompt: $0.billablePromptTokens, completion: $0.billableCompletionTokens, attempts: $0.attempts,
                    errorCode: $0.errorCode, isEstimated: $0.estimated)
            })
    }

    /// A setup whose model makes embeddings.
    static var embeddingSetup: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.models["m"]?.kind = .embedding }
        return setup
    }

    static let tools =
        Answers.streamHead + Samples.role
        + Answers.event(
            #"{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#
        )
        + Answers.event(
            #"{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c1","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}"#
        )
        + Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#) + Samples.usage + Samples.done
        + Answers.streamEnd
}
