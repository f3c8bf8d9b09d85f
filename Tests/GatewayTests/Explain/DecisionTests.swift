import Domain
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
        let kept = ring.take()
        #expect(kept.count == 510 && kept.count { $0.acceptedAt % 1000 == 0 } >= 10)
        #expect((150...350).contains(kept.count { $0.acceptedAt < 5000 }))
        #expect(ring.take().isEmpty)
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
