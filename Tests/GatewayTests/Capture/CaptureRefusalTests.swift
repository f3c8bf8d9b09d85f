import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What the control plane refuses of calls about captures comes out of the one table of errors.
@Suite struct CaptureRefusalTests {
    struct Refusal: Sendable {
        var status: Int
        var code: String
        var message = "operators read this"
        var faults = "[]"

        var body: String {
            #"{"error":{"type":"api_error","code":"\#(code)","message":"\#(message)","param":null,"faults":\#(faults)}}"#
        }
    }

    private static let cases: [(Refusal, APIErrorCode, String?)] = [
        (Refusal(status: 403, code: "permission_denied", message: "only for readers"), .permissionDenied, nil),
        (Refusal(status: 404, code: "not_found"), .notFound, nil), (Refusal(status: 409, code: "too_many_captures"), .tooManyCaptures, nil),
        (Refusal(status: 400, code: "invalid_json"), .invalidJSON, nil),
        (
            Refusal(
                status: 400, code: "invalid_value",
                faults: #"[{"param":"mine","message":"is unknown"},{"param":"limit","message":"is not 1 to 1000"}]"#),
            .invalidValue, "limit"
        ),
        (Refusal(status: 400, code: "invalid_value", faults: #"[{"param":"mine","message":"is unknown"}]"#), .invalidValue, nil),
        (Refusal(status: 409, code: "busy"), .invalidValue, nil), (Refusal(status: 503, code: "unavailable"), .serviceUnavailable, nil),
        (Refusal(status: 500, code: "internal_error"), .serviceUnavailable, nil),
    ]

    @Test(arguments: cases.indices, [false, true]) func isTold(_ index: Int, _ isAnthropic: Bool) async throws {
        let (refusal, code, param) = Self.cases[index]
        let answer = try await ask(isAnthropic ? "anthropic-version: 2023-06-01\r\n" : "") {
            CaptureAnswer(status: refusal.status, body: refusal.body)
        }
        #expect(answer.hasPrefix("HTTP/1.1 \(code.status) "), "\(answer)")
        let body = try JSONValue.parse(String(answer[(try #require(answer.firstRange(of: "\r\n\r\n"))).upperBound...]))
        let error = try #require(body["error"])
        #expect(error["code"]?.string == code.rawValue && error["retryable"] == .bool(code.isRetryable) && error["param"]?.string == param)
        #expect(error["type"]?.string == (isAnthropic ? code.anthropicType : code.type) && (body["type"] == "error") == isAnthropic)
        #expect(!answer.contains("operators") && !answer.contains("mine"), "\(answer)")
        #expect(answer.contains("retry-after") == (code == .serviceUnavailable))
    }

    @Test func whatTheGatewayItselfRefusesIsToldInTheSameWords() async throws {
        struct Away: Error {}
        let answer = try await ask("anthropic-version: 2023-06-01\r\n") { throw Away() }
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains(#"{"type":"error","error":{"#) && answer.contains("service_unavailable"))
    }

    private func ask(_ fields: String, _ answer: @escaping @Sendable () throws -> CaptureAnswer) async throws -> String {
        let desk = CaptureDesk(metrics: MetricRegistry()) { _ in try answer() }
        var told = ""
        try await GatewayFixture.run([], GatewayFixture.Setup(captures: desk)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("GET /v1/debug/captures/c1 HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\n\(fields)\r\n")
            told = try await client.answer()
        }
        return told
    }
}
