import Domain
import Gateway
import NIOCore
import NIOPosix
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@Suite("Hedged first token")
struct HedgeTests {
    /// Runtimes that answer at once until told to be silent, so that the gateway learns when a first token is late.
    private final class Mood: Sendable {
        private let silent = Atomic<Int>(0)

        /// So many of the next requests are left without an answer.
        func fallSilent(for requests: Int) { silent.store(requests, ordering: .relaxed) }

        func takesSilence() -> Bool {
            guard silent.load(ordering: .relaxed) > 0 else { return false }
            return silent.wrappingSubtract(1, ordering: .relaxed).oldValue > 0
        }
    }

    private func run(
        share: Int?, workers: Int = 2, warmUp: Int = 50, _ body: @escaping (GatewayFixture, TestClient, Mood) async throws -> Void
    ) async throws -> (records: [UsageRecord], requests: Int) {
        let mood = Mood()
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<workers {
            runtimes.append(try await ScriptedRuntime { _, _ in mood.takesSilence() ? [] : [.send(Samples.wholeStream)] })
        }
        var setup = GatewayFixture.Setup()
        setup.tier.hedgePpm = share
        setup.settings.firstTokenTime = 4
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<warmUp {
                client.clear()
                try await client.post(Samples.stream)
                _ = try await client.answer()
            }
            client.clear()
            try await body(gateway, client, mood)
            for runtime in runtimes { try await until { runtime.seen.open <= 1 } }
        }
        return (records, runtimes.map(\.seen.requests.count).reduce(0, +))
    }

    @Test("a late first token comes from a second worker, once, and is billed once")
    func late() async throws {
        let (records, requests) = try await run(share: 50_000) { gateway, client, mood in
            mood.fallSilent(for: 1)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains("[DONE]") && answer.split(separator: #""content":"a""#).count == 2)
            #expect(gateway.metric("plimsoll_gateway_hedges_total") == "1" && gateway.metric("plimsoll_gateway_hedge_wins_total") == "1")
            #expect(gateway.metric("plimsoll_gateway_retries_total") == "0")
        }
        let told = try #require(records.compactMap(\.account).first { $0.attempts.count == 2 })
        let results = Dictionary(told.attempts.map { ($0.reason, $0.result) }) { _, last in last }
        #expect(results == ["first": "cancelled", "hedge": "answered"])
        // Each attempt keeps the choice that it was made for.
        let hedged = told.attempts.first { $0.reason == "hedge" }
        #expect(hedged?.choice?.candidates.map(\.worker) == [hedged?.worker ?? ""] && told.attempts.first { $0.reason == "first" }?.choice == nil)
        #expect(records.count == 51 && requests == 52)
        let last = try #require(records.max { $0.sequence < $1.sequence })
        #expect(last.attempts == 2 && last.billableCompletionTokens == 2 && last.outcome == "good")
    }

    @Test("hedges stay within their share: the second late request waits")
    func budget() async throws {
        let (_, requests) = try await run(share: 20_000, warmUp: 50) { gateway, client, mood in
            for _ in 0..<2 {
                mood.fallSilent(for: 1)
                client.clear()
                try await client.post(Samples.stream)
                #expect(try await client.answer().contains("[DONE]"))
            }
            #expect(gateway.metric("plimsoll_gateway_hedges_total") == "1")
            // The second one was tried again when its time was over.
            #expect(gateway.metric("plimsoll_gateway_retries_total") == "1")
        }
        #expect(requests == 54)
    }

    @Test("when both are late the request goes on as if there had been one")
    func both() async throws {
        let (records, requests) = try await run(share: 50_000, workers: 3) { _, client, mood in
            mood.fallSilent(for: 2)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("[DONE]"))
        }
        #expect(requests == 53)
        #expect(records.max { $0.sequence < $1.sequence }?.attempts == 3)
    }

    @Test("a request that two runtimes die of is given up with its hedge, which would hold a place for ever")
    func poison() async throws {
        let (isHedged, asked, loop) = (ScriptedMoment(), Counter(), MultiThreadedEventLoopGroup.singleton.next())
        defer { isHedged.come() }
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 {
            runtimes.append(
                try await ScriptedRuntime { _, request in
                    guard request.contains("poison") else { return [.send(Samples.wholeStream)] }
                    switch asked.next() {
                    // Not at once: what had been closed before is asked again.
                    case 1: return [.after(loop.scheduleTask(in: .milliseconds(60)) {}.futureResult), .reset]
                    case 2: return [isHedged.step, .reset]
                    default:
                        isHedged.come()
                        return []
                    }
                })
        }
        var setup = GatewayFixture.Setup()
        setup.tier.hedgePpm = 50_000
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await Self.asksForPoison(gateway)
            #expect(try await client.answer().contains("runtime_lost"))
            #expect(gateway.metric("plimsoll_gateway_hedges_total") == "1")
        }
        let told = try #require(records.max { $0.sequence < $1.sequence }?.account)
        #expect(told.attempts.map(\.result).sorted() == ["cancelled", "failed", "failed"])
    }

    @Test("a hedge that is answered while it is judged what the death of the runtime beside it means is the answer")
    func answeredBesideADeath() async throws {
        let (isHedged, isSeen, asked, loop) = (ScriptedMoment(), ScriptedMoment(), Counter(), MultiThreadedEventLoopGroup.singleton.next())
        defer {
            isHedged.come()
            isSeen.come()
        }
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 {
            runtimes.append(
                try await ScriptedRuntime { _, request in
                    guard request.contains("poison") else { return [.send(Samples.wholeStream)] }
                    func after(_ time: TimeAmount) -> ScriptedRuntime.Step { .after(loop.scheduleTask(in: time) {}.futureResult) }
                    switch asked.next() {
                    // Not at once: what had been closed before is asked again.
                    case 1: return [after(.milliseconds(60)), .reset]
                    case 2: return [isHedged.step, .reset]
                    default:
                        isHedged.come()
                        let (token, rest) = (Samples.token("a"), Samples.stop + Samples.usage + Samples.done + Answers.streamEnd)
                        // The other one is dead by then, and not judged yet.
                        return [after(.milliseconds(10)), .send(Answers.streamHead + Samples.role + token), isSeen.step, .send(rest)]
                    }
                })
        }
        var setup = GatewayFixture.Setup()
        setup.tier.hedgePpm = 50_000
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await Self.asksForPoison(gateway)
            try await client.receive { $0.contains(#""content":"a""#) || $0.contains("runtime_lost") }
            isSeen.come()
            let answer = try await client.answer()
            #expect(answer.contains(#""content":"a""#) && answer.contains("[DONE]"))
            #expect(gateway.metric("plimsoll_gateway_hedge_wins_total") == "1")
        }
        let last = try #require(records.max { $0.sequence < $1.sequence })
        #expect(last.outcome == "good" && last.attempts == 3)
        let told = try #require(last.account)
        #expect(told.attempts.map(\.result) == ["failed", "failed", "answered"])
    }

    /// Behind so many good answers that one may be hedged.
    private static func asksForPoison(_ gateway: GatewayFixture) async throws -> TestClient {
        let client = try await TestClient(port: gateway.port)
        for _ in 0..<50 {
            client.clear()
            try await client.post(Samples.stream)
            _ = try await client.answer()
        }
        client.clear()
        try await client.post(Samples.stream.replacing(#""hi""#, with: #""poison""#))
        return client
    }

    @Test("a tier that does not hedge waits")
    func off() async throws {
        let (_, requests) = try await run(share: nil) { gateway, client, mood in
            mood.fallSilent(for: 1)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("[DONE]"))
            #expect(gateway.metric("plimsoll_gateway_hedges_total") == "0")
        }
        #expect(requests == 52)
    }
}
