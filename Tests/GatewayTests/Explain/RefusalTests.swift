import Domain
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Refused requests")
struct RefusalTests {
    @Test("refusals without a key have little room, and what has none is counted")
    func strangers() {
        let ring = RefusalRing()
        let id = RequestId(high: 0, low: 1)
        for number in 0..<5_000 {
            ring.note(RefusalTrace(APIError(.invalidAPIKey), id, acceptedAt: Int64(number), key: nil))
        }
        let kept = ring.take()
        #expect(kept.refusals.count == 100 && kept.dropped == 4_900)
        #expect(ring.take().dropped == 0)
    }

    @Test("a request that is refused before it is admitted tells why, whose it was and when to come again, and nothing of its content")
    func refusals() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 2
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            var decisions: [String: RequestDecision] = [:]
            for (body, key) in [
                (Samples.request, "sk-test"), (Samples.request.replacing(#""}]}"#, with: #""}],"n":"hi"}"#), "sk-test"), (Samples.request, "sk-test"),
                (Samples.request, "sk-none"),
            ] {
                let client = try await TestClient(port: gateway.port)
                try await client.post(body, key: key)
                let answer = try await client.answer()
                let id = try #require(Self.field("x-request-id", of: answer))
                for decision in await gateway.server.takeRefusals() where decision.requestId == id {
                    decisions[decision.refusal?.code ?? "none"] = decision
                    #expect(answer.hasPrefix("HTTP/1.1 \(decision.refusal?.status ?? 0) "))
                }
                try await client.close()
            }
            #expect(decisions.keys.sorted() == ["invalid_api_key", "invalid_type", "rate_limit_exceeded"])
            let limited = try #require(decisions["rate_limit_exceeded"]?.refusal)
            #expect(limited.key == "key-1" && limited.tenant == "tenant-1" && limited.tier == "pro" && limited.model == "m")
            #expect(limited.retryAfter ?? 0 > 0 && decisions["rate_limit_exceeded"]?.fault == "customer")
            #expect(decisions["invalid_type"]?.refusal?.param == "n" && decisions["invalid_api_key"]?.refusal?.key == nil)
            #expect(!String(decoding: try WireCoder.encode(DecisionBatch(decisions: Array(decisions.values))), as: UTF8.self).contains("hi"))
        }
        #expect(records.count == 1)
    }

    @Test("a model that is asked for by name and is not there is explained too")
    func modelByName() async throws {
        try await GatewayFixture.run([]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("GET /v1/models/none HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\n\r\n")
            let id = try #require(Self.field("x-request-id", of: try await client.answer()))
            let decisions = await gateway.server.takeRefusals()
            #expect(decisions.map(\.requestId) == [id] && decisions.map { $0.refusal?.code } == ["model_not_found"])
        }
    }

    private static func field(_ name: String, of answer: String) -> String? {
        answer.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test("a gateway alone shows its last refusals")
    func book() throws {
        let book = DecisionBook()
        for number in 0..<12_000 {
            let decision = RequestDecision(
                requestId: "r\(number)", acceptedAt: 1, queuedFor: 0, promptTokens: 1, cachedTokens: 0, candidates: [], attempts: [])
            book.store(DecisionBatch(decisions: [decision, decision]))
        }
        #expect(book.json("r0") == nil && book.json("x") == nil)
        #expect(try #require(book.json("r11999")).contains(#""request_id":"r11999""#))
    }
}
