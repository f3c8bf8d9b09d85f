import Domain
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Bodies that are refused")
struct RefusedBodiesTests {
    @Test(
        "a flood of invalid bodies ends at the key's own requests a minute", arguments: ["{", #"{"model":"m","messages":5}"#, #"{"model":"none"}"#])
    func flood(body: String) async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 3
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            var answers: [String] = []
            for _ in 0..<6 {
                client.clear()
                try await client.post(body)
                answers.append(try await client.answer())
            }
            #expect(answers.first?.hasPrefix("HTTP/1.1 40") == true)
            let limited = answers.filter { $0.hasPrefix("HTTP/1.1 429 ") && $0.contains("rate_limit_exceeded") && $0.contains("retry-after") }
            #expect(limited.count >= 2, "\(answers)")
        }
    }

    /// 404, 405, 413 and 415 are known of the head alone; a body in chunks is too large on its way.
    @Test(
        "a flood of what is refused before its body is read ends there too",
        arguments: [
            ErrorCase(code: .unknownURL, path: "/v1/nothing"), ErrorCase(code: .methodNotAllowed, method: "DELETE"),
            ErrorCase(code: .unsupportedMediaType, contentType: "text/plain"),
            ErrorCase(code: .unsupportedEncoding, fields: "content-encoding: br\r\n"),
            ErrorCase(code: .requestTooLarge) { $0.tier.maxBodyBytes = 20 },
        ])
    func heads(_ failure: ErrorCase) async throws {
        let answers = try await answers(to: failure.text, failure.edit)
        #expect(answers.first?.hasPrefix("HTTP/1.1 \(failure.code.status) ") == true)
        let limited = answers.filter { $0.hasPrefix("HTTP/1.1 429 ") && $0.contains("rate_limit_exceeded") && $0.contains("retry-after") }
        #expect(limited.count >= 2 && limited.allSatisfy { $0.contains("x-ratelimit-remaining-requests: 0") }, "\(answers)")
    }

    @Test("and so does one of bodies that grow too large as they come")
    func chunks() async throws {
        let text =
            "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\ncontent-type: application/json\r\n"
            + "transfer-encoding: chunked\r\n\r\n40\r\n\(String(repeating: "a", count: 64))\r\n"
        let answers = try await answers(to: text) { $0.tier.maxBodyBytes = 20 }
        #expect(answers.first?.hasPrefix("HTTP/1.1 413 ") == true && answers.count { $0.hasPrefix("HTTP/1.1 429 ") } >= 2, "\(answers)")
    }

    @Test("whoever has found a key uses up none of its places from elsewhere, nor does a key that nobody has")
    func strangers() async throws {
        for failure in [ErrorTableTests.cases[0], ErrorTableTests.cases[1]] {
            let answers = try await answers(to: failure.text, failure.edit)
            #expect(answers.allSatisfy { $0.hasPrefix("HTTP/1.1 \(failure.code.status) ") }, "\(answers)")
        }
    }

    /// Six times, each by a connection of its own, where three are allowed a minute.
    private func answers(to text: String, _ edit: (inout GatewayFixture.Setup) -> Void) async throws -> [String] {
        var setup = GatewayFixture.Setup()
        edit(&setup)
        setup.tier.requestsPerMinute = 3
        var answers: [String] = []
        try await GatewayFixture.run([], setup) { gateway in
            for _ in 0..<6 {
                let client = try await TestClient(port: gateway.port)
                try await client.send(text)
                answers.append(try await client.answer())
            }
        }
        return answers
    }

    /// They are in no objective, but the tenant's behaviour is judged by them.
    @Test("what is refused before its model is known is in minutes without a model, and what a rule of the model refuses in the model's")
    func minutes() async throws {
        let bodies = [#"{"model":"none","messages":[{"role":"user","content":"hi"}]}"#, "{", Samples.request]
        var setup = GatewayFixture.Setup()
        setup.tier.maxPromptTokens = 1
        try await GatewayFixture.run([], setup) { gateway in
            for body in bodies {
                let client = try await TestClient(port: gateway.port)
                try await client.post(body)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 40"))
            }
            for failure in [ErrorTableTests.cases[0], ErrorTableTests.cases[2]] {
                let client = try await TestClient(port: gateway.port)
                try await client.send(failure.text)
                _ = try await client.answer()
            }
            let counted = try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value) }
            let outcomes = Dictionary(counted.map { ($0.model, $0.outcomes) }) { $0.merging($1, uniquingKeysWith: +) }
            #expect(outcomes == ["": ["excluded:4xx": 3], "m": ["excluded:over_limit": 1]])
        }
    }
}
