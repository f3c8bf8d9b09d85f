import Domain
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Decisions about requests")
struct DecisionTests {
    @Test("a request that was tried twice tells both attempts, why, and how they ended, and nothing of its content")
    func attempts() async throws {
        let failing = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}", status: "500 Oops"))] }
        let good = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream)] }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.workers[1].weight = 1
            table.workers[1].hourPriceMicroUsd = 4_000_000
        }
        let records = try await GatewayFixture.run([failing, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            _ = try await client.answer()
            let decisions = await gateway.server.takeDecisions()
            let decision = try #require(decisions.first)
            #expect(decisions.count == 1 && decision.attempts.map(\.worker) == ["worker-0", "worker-1"])
            #expect(decision.attempts.map(\.reason) == ["first", "retry"] && decision.attempts.map(\.result) == ["failed", "answered"])
            #expect(decision.attempts[0].firstTokenAfter == nil && decision.attempts[1].firstTokenAfter != nil)
            #expect(decision.candidates.contains { $0.worker == "worker-1" && $0.priceMicroUsd == 1_000_000 })
            #expect(!String(decoding: try WireCoder.encode(decision), as: UTF8.self).contains("hi"))
            #expect(await gateway.server.takeDecisions().isEmpty)
        }
        #expect(records.count == 1)
    }

    @Test("of many ordinary decisions a fair sample is kept, of others all there is room for")
    func ring() {
        let ring = DecisionRing()
        for number in 0..<10_000 as Range<UInt64> {
            ring.note(DecisionTrace(requestId: RequestId(high: 0, low: number), acceptedAt: Int64(number)), isNotable: number % 1000 == 0)
        }
        let kept = ring.take().traces
        #expect(kept.count == 510 && kept.count { $0.acceptedAt % 1000 == 0 } >= 10)
        #expect((150...350).contains(kept.count { $0.acceptedAt < 5000 }))
        #expect(ring.take().traces.isEmpty)
    }

    @Test("no sort of request takes the room of another, and what has none is counted")
    func sorts() {
        let ring = DecisionRing()
        let id = RequestId(high: 0, low: 1)
        for number in 0..<5_000 {
            ring.note(RefusalTrace(APIError(.invalidAPIKey), id, acceptedAt: Int64(number), key: nil))
            ring.note(DecisionTrace(requestId: id, acceptedAt: Int64(number)), isNotable: true)
        }
        ring.note(DecisionTrace(requestId: id, acceptedAt: 7), isNotable: false)
        let kept = ring.take()
        #expect(kept.refusals.count == 100 && kept.traces.count == 1_001 && kept.dropped == 4_900 + 4_000)
        #expect(ring.take().dropped == 0)
    }

    @Test("a request that is refused before it is admitted tells why, whose it was and when to come again, and nothing of its content")
    func refusals() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 1
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            var decisions: [String: RequestDecision] = [:]
            for (body, key) in [
                (Samples.request, "sk-test"), (Samples.request, "sk-test"), (Samples.request.replacing(#""}]}"#, with: #""}],"n":"hi"}"#), "sk-test"),
                (Samples.request, "sk-none"),
            ] {
                let client = try await TestClient(port: gateway.port)
                try await client.post(body, key: key)
                let answer = try await client.answer()
                let id = try #require(Self.field("x-request-id", of: answer))
                for decision in await gateway.server.takeDecisions() where decision.requestId == id {
                    decisions[decision.refusal?.code ?? "admitted"] = decision
                    #expect(decision.refusal.map { answer.hasPrefix("HTTP/1.1 \($0.status) ") } ?? answer.hasPrefix("HTTP/1.1 200 "))
                }
                try await client.close()
            }
            #expect(decisions.keys.sorted() == ["admitted", "invalid_api_key", "invalid_type", "rate_limit_exceeded"])
            let limited = try #require(decisions["rate_limit_exceeded"]?.refusal)
            #expect(limited.key == "key-1" && limited.tenant == "tenant-1" && limited.tier == "pro" && limited.model == "m")
            #expect(limited.retryAfter ?? 0 > 0 && decisions["rate_limit_exceeded"]?.fault == "customer")
            #expect(decisions["invalid_type"]?.refusal?.param == "n" && decisions["invalid_api_key"]?.refusal?.key == nil)
            #expect(!String(decoding: try WireCoder.encode(DecisionBatch(decisions: Array(decisions.values))), as: UTF8.self).contains("hi"))
        }
        #expect(records.count == 1)
    }

    private static func field(_ name: String, of answer: String) -> String? {
        answer.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test("a gateway alone shows its last decisions")
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
