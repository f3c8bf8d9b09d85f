import Gateway
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

/// A way to be told an error by one request.
struct ErrorCase: Sendable, CustomTestStringConvertible {
    let code: APIErrorCode
    var body = Samples.request
    var path = "/v1/chat/completions"
    var method = "POST"
    var key = "sk-test"
    var contentType = "application/json"
    var fields = ""
    /// What each of as many workers does.
    var workers: [[ScriptedRuntime.Step]] = []
    /// Not retryable, though its code mostly is.
    var isLasting = false
    var edit: @Sendable (inout GatewayFixture.Setup) -> Void = { _ in }

    var testDescription: String { code.rawValue }

    var text: String {
        "\(method) \(path) HTTP/1.1\r\nhost: test\r\nauthorization: Bearer \(key)\r\ncontent-type: \(contentType)\r\n\(fields)"
            + "content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}

/// Each row of `docs/errors.md` is what a customer is sent.
@Suite("Errors on the wire")
struct ErrorTableTests {
    @Test("status, words, retryable and the fields for those who come again", arguments: cases)
    func isTold(_ failure: ErrorCase) async throws {
        var setup = GatewayFixture.Setup()
        failure.edit(&setup)
        var runtimes: [ScriptedRuntime] = []
        for steps in failure.workers { runtimes.append(try await ScriptedRuntime { _, _ in steps }) }
        let (code, isRetryable) = (failure.code, failure.code.isRetryable && !failure.isLasting)
        try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(failure.text)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 \(code.status) "), "\(answer)")
            #expect(answer.contains(#""type":"\#(code.type)""#) && answer.contains(#""code":"\#(code.rawValue)""#), "\(answer)")
            #expect(answer.contains(#""retryable":\#(isRetryable)"#), "\(answer)")
            #expect(answer.contains("\r\nx-request-id: "))
            let comesAgain = !isRetryable && [409, 429, 500, 502, 503, 504].contains(code.status)
            #expect(answer.contains("\r\nx-should-retry: false\r\n") == comesAgain, "\(answer)")
            if isRetryable, [429, 503].contains(code.status) { #expect(answer.contains("\r\nretry-after: "), "\(answer)") }
        }
    }

    @Test("every error has a case here, or a test of its own") func isWhole() {
        #expect(Set(Self.cases.map(\.code)).union(Self.elsewhere) == Set(APIErrorCode.allCases))
    }

    /// They take more than one request: `KeyAddressTests`, `RuleTests`, `IdempotencyTests`, `BadInputTests`, `QueueTests`, `DrainTests`,
    /// `FailureTests`, `UsageEndpointTests` and `CaptureRefusalTests`.
    private static let elsewhere: Set<APIErrorCode> = [
        .tooManyFailedKeys, .contentRefused, .idempotencyKeyInUse, .idempotencyKeyUsed, .idempotencyKeyMismatch, .requestTimeout, .overCapacity,
        .shuttingDown, .streamInterrupted, .spendLimitExceeded, .tokensPerMinuteExceeded, .permissionDenied, .notFound, .tooManyCaptures,
    ]

    static let cases = heads + bodies + limits + workers

    private static let heads = [
        ErrorCase(code: .invalidAPIKey, key: "sk-nobody"),
        ErrorCase(code: .addressNotAllowed) {
            $0.edit = { table in for key in table.keys.keys { table.keys[key]?.allowedAddresses = ["192.0.2.0/24"] } }
        },
        ErrorCase(code: .unknownURL, path: "/v1/nothing"),
        ErrorCase(code: .methodNotAllowed, method: "DELETE"),
        ErrorCase(code: .malformedRequest, fields: "host: other\r\n"),
        ErrorCase(code: .unsupportedEncoding, fields: "content-encoding: gzip\r\n"),
        ErrorCase(code: .unsupportedMediaType, contentType: "text/plain"),
        ErrorCase(code: .requestTooLarge) { $0.tier.maxBodyBytes = 20 },
        ErrorCase(code: .serviceUnavailable) { $0.appliesTable = false },
    ]

    private static let bodies = [
        ErrorCase(code: .invalidJSON, body: "{"),
        ErrorCase(code: .duplicateKey, body: #"{"model":"m","model":"m"}"#),
        ErrorCase(code: .invalidType, body: #"{"model":"m","messages":5}"#),
        ErrorCase(code: .invalidValue, body: Samples.request.replacing(#"{"model""#, with: #"{"max_tokens":-1,"model""#)),
        ErrorCase(code: .missingParameter, body: #"{"model":"m"}"#),
        ErrorCase(code: .modelNotFound, body: Samples.request.replacing(#""m""#, with: #""none""#)),
        ErrorCase(code: .unsupportedEndpoint, body: #"{"model":"m","input":"hi"}"#, path: "/v1/embeddings"),
        ErrorCase(code: .promptTooLong) { $0.tier.maxPromptTokens = 1 },
        ErrorCase(code: .maxTokensTooLarge, body: Samples.request.replacing(#"{"model""#, with: #"{"max_tokens":101,"model""#)),
    ]

    private static let limits = [
        ErrorCase(code: .rateLimitExceeded, workers: [answers]) { $0.tier.requestsPerMinute = 0 },
        ErrorCase(code: .tooManyConcurrentRequests, workers: [answers]) { $0.tier.concurrentRequests = 0 },
        ErrorCase(code: .tokensPerDayExceeded, workers: [answers], isLasting: true) { $0.tier.tokensPerDay = 50 },
        ErrorCase(code: .tokensPerMonthExceeded, workers: [answers], isLasting: true) { $0.tier.tokensPerMonth = 50 },
        ErrorCase(code: .meteringUnavailable, workers: [answers]) { $0.unsyncedBytes = 0 },
    ]

    private static let workers = [
        ErrorCase(code: .noWorkerAvailable),
        ErrorCase(code: .unsupportedParameter, workers: [[.send(Answers.json("{}", status: "501 Not Implemented"))]]),
        ErrorCase(code: .contextLengthExceeded, workers: [[.send(Answers.json("{}", status: "413 Content Too Large"))]]),
        ErrorCase(code: .invalidRequest, workers: [[.send(Answers.json("{}", status: "400 Bad Request"))]]),
        ErrorCase(code: .upstreamError, workers: [[.send(Answers.json("{}", status: "500 Oops"))]]),
        ErrorCase(code: .upstreamTimeout, workers: [[.send(Answers.json("{}", status: "504 Gateway Timeout"))]]),
        ErrorCase(code: .runtimeLost, workers: [[.close], [.close]]),
        ErrorCase(code: .hostLost, workers: [[.close]]),
    ]

    private static let answers: [ScriptedRuntime.Step] = [.send(Answers.json(Samples.answer))]
}
