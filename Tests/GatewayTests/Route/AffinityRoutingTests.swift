import Cryptography
import PlimsollWire
import TestSupport
import Testing

@testable import Domain
@testable import Gateway

@Suite("Routing by prefix, trust and price")
struct AffinityRoutingTests {
    private func workers(_ count: Int, edit: (Int, inout WorkerEntry) -> Void = { _, _ in }) -> [Worker] {
        (0..<count).map { index in
            var entry = WorkerEntry(
                id: "w\(index)", host: "h\(index)", provider: "p", pool: "p", region: "eu", model: "m", release: "r", dialect: .vllm, link: .direct,
                url: "http://127.0.0.1:1", draining: false, slots: 4, contextTokens: 4096, weight: 1_000_000)
            edit(index, &entry)
            return Worker(entry, tally: WorkerTally(number: UInt32(index + 1), id: entry.id), load: nil, gate: nil)
        }
    }

    private func model(_ workers: [Worker], weights: [String: Int] = ["r": 1], rules: Set<RouteRules> = []) -> ModelRoute {
        let entry = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: weights)
        return ModelRoute(entry, workers: workers, region: "eu", rules: rules)
    }

    private func question(_ model: ModelRoute, conversation: UInt64 = 0, tokens: Int = 1000) -> Router.Question {
        var question = Router.Question(model: model, contextTokens: 1)
        question.likelyTokens = tokens
        question.conversation = conversation
        question.now = 1_000_000_000
        return question
    }

    /// Turns whose texts have nothing in common.
    @Test("what a customer calls a session stays at one worker, over HTTP/1.1 and HTTP/2, in the head and in the body")
    func sessions() async throws {
        func runtime(_ name: String) async throws -> ScriptedRuntime {
            try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer.replacing("hello", with: name)))] }
        }
        let runtimes = [try await runtime("one"), try await runtime("two"), try await runtime("three")]
        func body(_ number: Int, _ more: String = "") -> String {
            #"{"model":"m",\#(more)"messages":[{"role":"user","content":"\#(number) \#(number * 7919)"}]}"#
        }
        try await GatewayFixture.run(runtimes) { gateway in
            let (one, two) = (try await TestClient(port: gateway.port), try await HTTP2Client(port: gateway.port))
            var seen: Set<String> = []
            for turn in 0..<8 {
                one.clear()
                try await one.post(body(turn), fields: "x-session-id: session-5\r\n")
                seen.insert(String(try await one.answer().suffix(160)))
                two.post(2 * turn + 1, body(turn + 20), fields: [("session-id", "session-5")])
                seen.insert(String(try await two.answer(2 * turn + 1).body.suffix(160)))
                one.clear()
                try await one.post(body(turn + 40, #""session_id":"session-5","#))
                seen.insert(String(try await one.answer().suffix(160)))
            }
            #expect(seen.count == 1, "\(seen)")
            seen = []
            for turn in 0..<24 {
                one.clear()
                try await one.post(body(turn))
                seen.insert(String(try await one.answer().suffix(160)))
            }
            #expect(seen.count > 1)
        }
    }

    /// Both ask the same. Were one drawn to what is in the other's cache, it would learn from its speed what the other has asked.
    @Test("what two tenants' prompts have in common is each one's own: where it goes, and what of it is taken for cached", arguments: [false, true])
    func tenants(sharesOpening: Bool) async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }) }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.tenants["tenant-2"] = TenantEntry(id: "tenant-2", tier: "pro", active: true, allowedRegions: [], cacheSalt: "0a0b")
            let hash = Hash.sha256("sk-other").hex
            table.keys[hash] = KeyEntry(id: "key-3", tenant: "tenant-2", sha256Hex: hash)
        }
        let opening = sharesOpening ? #"{"role":"system","content":"\#(String(repeating: "rule ", count: 300))"},"# : ""
        let conversations = sharesOpening ? 1 : 24
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for conversation in 0..<conversations {
                let text = String(repeating: "\(conversation * 7919) ", count: 300)
                for key in ["sk-test", "sk-test", "sk-other", "sk-other"] {
                    client.clear()
                    try await client.post(#"{"model":"m","messages":[\#(opening){"role":"user","content":"\#(text)"}]}"#, key: key)
                    #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                }
            }
        }
        let (cached, workers) = (records.compactMap(\.account).map { $0.cachedTokens > 0 }, records.compactMap(\.worker))
        try #require(workers.count == conversations * 4)
        #expect(cached == (0..<conversations).flatMap { _ in [false, true, false, true] })
        #expect(stride(from: 0, to: workers.count, by: 2).allSatisfy { workers[$0] == workers[$0 + 1] }, "\(workers)")
        #expect(sharesOpening || stride(from: 0, to: workers.count, by: 4).contains { workers[$0] != workers[$0 + 2] }, "\(workers)")
    }

    @Test("a conversation stays where it is, and leaves when that worker is far busier than others")
    func stays() throws {
        let all = workers(8)
        var (router, random) = (Router(), LoopRandom())
        let route = model(all)
        let first = try #require(router.pick(question(route, conversation: 99), using: &random))
        for _ in 0..<20 {
            #expect(router.pick(question(route, conversation: 99), using: &random) === first)
            #expect(router.cachedTokens == 1000)
        }
        for _ in 0..<40 { first.tally.begin(promptTokens: 4000, outputTokens: 500) }
        #expect(router.pick(question(route, conversation: 99), using: &random) !== first)
    }

    @Test("all loops and gateways place a new conversation at the same worker")
    func placement() throws {
        let all = workers(8)
        let route = model(all)
        for conversation: UInt64 in [1, 77, 0xFFFF_FFFF_0000] {
            let picks = (0..<10).map { _ in
                var (router, random) = (Router(), LoopRandom())
                return router.pick(question(route, conversation: conversation), using: &random)?.entry.id
            }
            #expect(Set(picks).count == 1)
        }
    }

    @Test("the turns of a conversation stay at one release of several")
    func releases() {
        let all = workers(8) { index, entry in entry.release = index < 4 ? "a" : "b" }
        let route = model(all, weights: ["a": 900_000, "b": 100_000])
        var (router, random) = (Router(), LoopRandom())
        var counts: [String: Int] = [:]
        for conversation in 1...500 as ClosedRange<UInt64> {
            let key = PlacementKey.spread(conversation)
            let releases = (0..<3).compactMap { _ in router.pick(question(route, conversation: key), using: &random)?.entry.release }
            #expect(Set(releases).count == 1)
            counts[releases[0], default: 0] += 1
        }
        #expect((20...90).contains(counts["b"] ?? 0))
    }

    @Test("workers of other trust classes are never asked, in whatever state the others are")
    func trust() {
        let all = workers(6) { index, entry in entry.trustClass = index == 5 ? "trusted" : nil }
        let rules = RouteRules(regions: [], trust: ["trusted"])
        var (router, random) = (Router(), LoopRandom())
        for route in [model(all, rules: [rules]), model(all)] {
            var question = question(route)
            question.rules = rules
            #expect((0..<20).allSatisfy { _ in router.pick(question, using: &random)?.entry.id == "w5" })
            question.triedHosts = ["h5"]
            #expect(router.pick(question, using: &random) == nil)
        }
    }

    @Test("a key may narrow its tenant's trust classes, not widen them")
    func narrowed() {
        func rules(_ tenant: [String]?, _ key: [String]?) -> [String]? {
            let entry = TenantEntry(id: "t", tier: "x", active: true, allowedRegions: [], cacheSalt: "", allowedTrustClasses: tenant)
            return RouteRules(entry, KeyEntry(id: "k", tenant: "t", sha256Hex: "", allowedTrustClasses: key)).trust
        }
        #expect(rules(nil, nil) == nil && rules(["a"], nil) == ["a"] && rules(nil, ["b"]) == ["b"])
        #expect(rules(["a", "b"], ["b", "c"]) == ["b"] && rules(["a"], ["b"]) == [])
    }

    @Test("of idle workers the cheaper ones are asked, and the dearer ones when those are busy")
    func price() {
        let all = workers(2) { index, entry in entry.hourPriceMicroUsd = index == 0 ? 900_000 : 4_000_000 }
        let route = model(all)
        var (router, random) = (Router(), LoopRandom())
        #expect((0..<20).allSatisfy { _ in router.pick(question(route), using: &random)?.entry.id == "w0" })
        for _ in 0..<4 { all[0].tally.begin(promptTokens: 4000, outputTokens: 500) }
        #expect(router.pick(question(route), using: &random)?.entry.id == "w1")
    }

    @Test("a worker that has come back gets a tenth of the work at first")
    func slowStart() {
        let all = workers(2)
        all[1].tally.take(FleetHealth.Standing(worker: "w1", isAvoided: false, pool: .well, since: 1_000_000_000))
        for worker in all { worker.tally.begin(promptTokens: 0, outputTokens: 300) }
        var (router, random) = (Router(), LoopRandom())
        let route = model(all)
        #expect(router.pick(question(route), using: &random)?.entry.id == "w0")
        for _ in 0..<15 { all[0].tally.begin(promptTokens: 1000, outputTokens: 300) }
        #expect(router.pick(question(route), using: &random)?.entry.id == "w1")
    }

    @Test("a worker learns its pace from its answers")
    func pace() {
        let tally = WorkerTally()
        var work = AttemptWork(promptTokens: 1000, outputTokens: 100)
        work.begin(tally, now: 1_000_000)
        #expect(tally.promptTokens == 1000 && tally.outputTokens == 100)
        for token in 0..<11 { work.token(tally, now: 1_100_000 + Int64(token) * 5_000) }
        #expect(tally.promptTokens == 0 && tally.pace.prefillNanoseconds == 100_000)
        work.look(tally, now: 1_200_000)
        #expect(!tally.isStalled)
        work.look(tally, now: 9_000_000)
        #expect(tally.isStalled)
        work.end(tally, tokens: 11)
        #expect(!tally.isStalled && tally.outputTokens == 0 && tally.inFlight == 0)
        #expect(tally.pace.interTokenMicroseconds == 5000 && tally.usualAnswer == 11)
    }
}

/// Keys as hashes are: all bits alike.
private enum PlacementKey {
    static func spread(_ number: UInt64) -> UInt64 {
        let product = (number ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}
