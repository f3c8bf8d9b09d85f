import PlimsollWire
import Testing

@testable import Gateway

@Suite("Router")
struct RouterTests {
    private let router = Router()

    private func worker(
        _ id: String, region: String = "eu", provider: String = "p", release: String = "r", context: Int = 4096, draining: Bool = false,
        url: String? = "http://127.0.0.1:1"
    ) -> Worker {
        let entry = WorkerEntry(
            id: id, host: "host-of-" + id, provider: provider, pool: "p", region: region, model: "m", release: release, dialect: .vllm,
            link: .direct, url: url, draining: draining, slots: 4, contextTokens: context, weight: 1_000_000)
        return Worker(entry, tally: WorkerTally(number: UInt32(truncatingIfNeeded: id.hashValue) | 1, id: id), load: nil, gate: nil)
    }

    private func model(_ workers: [Worker], weights: [String: Int] = ["r": 1]) -> ModelRoute {
        let entry = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: weights)
        return ModelRoute(entry, workers: workers, region: "eu")
    }

    /// Ids of what a hundred requests are given.
    private func picks(_ question: Router.Question) -> Set<String> {
        var (random, router) = (LoopRandom(), router)
        return Set((0..<100).map { _ in router.pick(question, using: &random)?.entry.id ?? "none" })
    }

    private func allows(_ question: Router.Question, _ worker: Worker) -> Bool {
        var view = RotationView()
        return question.allows(worker, &view)
    }

    private func question(_ model: ModelRoute, regions: [String] = [], tokens: Int = 10, tried: [String] = [], last: String? = nil)
        -> Router.Question
    {
        Router.Question(
            model: model, rules: RouteRules(regions: regions, trust: nil), contextTokens: tokens, triedHosts: tried, lastProvider: last)
    }

    @Test("workers of the own region come first, others when none is left")
    func ownRegion() {
        let all = [worker("eu-1"), worker("eu-2"), worker("us-1", region: "us")]
        #expect(picks(question(model(all))) == ["eu-1", "eu-2"])
        #expect(picks(question(model(all), tried: ["host-of-eu-1", "host-of-eu-2"])) == ["us-1"])
        #expect(picks(question(model(all), tokens: 5000)) == ["none"])
    }

    @Test("a tenant's regions are never left")
    func allowedRegions() {
        let all = [worker("eu-1"), worker("us-1", region: "us"), worker("us-2", region: "us")]
        #expect(picks(question(model(all), regions: ["us"])) == ["us-1", "us-2"])
        #expect(picks(question(model(all), regions: ["us"], tried: ["host-of-us-1"])) == ["us-2"])
        #expect(picks(question(model(all), regions: ["ap"])) == ["none"])
    }

    @Test("a promise that pays goes to providers with a good score, and to any other rather than to nobody; others go anywhere")
    func scores() {
        var unproven = worker("unproven", provider: "new").entry
        unproven.paid = false
        let other = Worker(unproven, tally: WorkerTally(number: 9, id: "unproven"), load: nil, gate: nil)
        let paid = RouteRules(regions: [], trust: nil, isPaid: true)
        let route = ModelRoute(
            ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: ["r": 1]),
            workers: [worker("proven"), other], region: "eu", rules: [paid])
        var question = Router.Question(model: route, rules: paid, contextTokens: 10)
        #expect(picks(question) == ["proven"] && !allows(question, other))
        question.triedHosts = ["host-of-proven"]
        #expect(picks(question) == ["unproven"] && allows(question, other))
        #expect(picks(self.question(route)) == ["proven", "unproven"])
        let lone = Router.Question(model: model([other]), rules: paid, contextTokens: 10)
        #expect(picks(lone) == ["unproven"])
    }

    @Test("a promise that pays never goes to a provider with a low score, also where nobody else is left; others go there")
    func lowScores() {
        var low = worker("low", provider: "bad").entry
        (low.paid, low.lowScore) = (false, true)
        var unproven = worker("unproven", provider: "new").entry
        unproven.paid = false
        let workers = [low, unproven].map { Worker($0, tally: WorkerTally(number: UInt32($0.id.count), id: $0.id), load: nil, gate: nil) }
        for regions in [[], ["eu"]] {
            let paid = RouteRules(regions: regions, trust: nil, isPaid: true)
            var question = Router.Question(model: model(workers), rules: paid, contextTokens: 10)
            #expect(picks(question) == ["unproven"] && !allows(question, workers[0]) && allows(question, workers[1]))
            question.triedHosts = ["host-of-unproven"]
            #expect(picks(question) == ["none"] && !allows(question, workers[0]))
            let lone = model([workers[0]])
            let last = Router.Question(model: lone, rules: paid, contextTokens: 10)
            var view = RotationView()
            let isFresh = view.hasFresh(last)
            #expect(picks(last) == ["none"] && !last.isServed && !isFresh)
            #expect(lone.isServed && !lone.isServed(under: paid) && !lone.isTooLong(10, under: paid), "it may be better tomorrow")
            #expect(picks(self.question(lone, regions: regions)) == ["low"])
        }
    }

    @Test("one worker among many that can take the request is found")
    func needle() {
        let all = (0..<50).map { worker("small-\($0)", context: 100) } + [worker("large", context: 8000)]
        #expect(picks(question(model(all), tokens: 5000)) == ["large"])
    }

    @Test("of workers that can take a prompt those that are likely to hold it come first, others when none is left")
    func likelyContext() {
        let all = (0..<20).map { worker("small-\($0)", context: 100) } + [worker("large", context: 8000)]
        var question = question(model(all), tokens: 50)
        question.likelyTokens = 400
        #expect(picks(question) == ["large"])
        question.triedHosts = ["host-of-large"]
        #expect(picks(question).allSatisfy { $0.hasPrefix("small-") })
        #expect(!picks(question).contains("none"))
    }

    @Test("shares of releases hold, and a release without a usable worker leaves its share to the others")
    func releases() {
        let all = [worker("a", release: "a"), worker("b", release: "b", context: 100), worker("c", release: "c")]
        let route = model(all, weights: ["a": 1, "b": 1, "c": 0])
        #expect(picks(question(route)) == ["a", "b"])
        #expect(picks(question(route, tokens: 200)) == ["a"])
    }

    @Test("another provider is preferred after a failure, not required")
    func providers() {
        let all = [worker("a", provider: "p"), worker("b", provider: "p"), worker("c", provider: "q")]
        #expect(picks(question(model(all), tried: ["host-of-a"], last: "p")) == ["c"])
        #expect(picks(question(model(all), tried: ["host-of-a", "host-of-c"], last: "q")) == ["b"])
    }

    @Test("the less loaded of two is chosen")
    func load() {
        let all = [worker("busy"), worker("idle")]
        for _ in 0..<8 { all[0].tally.begin(promptTokens: 100, outputTokens: 100) }
        #expect(picks(question(model(all))) == ["idle"])
    }

    @Test("a denied host's workers take no requests, whatever else the table says of them")
    func denied() {
        var table = TableContents(version: 1, issuedAtSeconds: 1)
        table.models["m"] = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: ["r": 1])
        table.workers = [worker("a").entry, worker("b").entry]
        table.denied = [DeniedEntry(identity: "spiffe://plimsoll.internal/agent/host-of-a", untilSeconds: 2_000_000_000)]
        let routes = ModelRoute.routes(table, workers: WorkerBook(registry: nil), region: "eu")
        #expect(routes["m"].map { picks(question($0)) } == ["b"])
    }

    @Test("a worker is not put out for being slower than others if it alone takes long prompts", arguments: [true, false])
    func longPrompts(isSplit: Bool) {
        var table = TableContents(version: 1, issuedAtSeconds: 1)
        table.models["m"] = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: ["r": 1])
        if isSplit { table.models["m"]?.longContextTokens = 1000 }
        table.workers = (0..<4).map { worker("w\($0)").entry }
        table.workers[3].contextClass = .long
        let book = WorkerBook(registry: nil)
        _ = DirectoryBuilder(limits: .unkept(), workers: book, region: "eu", gateway: "").build(table, now: 0)
        for entry in table.workers {
            let tally = book.worker(entry).tally
            for _ in 0..<20 { tally.learnFirstToken(after: entry.contextClass == .long ? 5_000_000 : 100_000, tokens: 64) }
        }
        _ = book.watch.sweep(now: 1)
        #expect(book.watch.report.out == (isSplit ? [:] : ["w3": "slow"]))
    }

    @Test("a prompt is too long only when no worker that is there, draining or not, could ever take it")
    func tooLong() {
        let route = model([worker("a", context: 100), worker("b", region: "us", context: 200), worker("c", context: 300, draining: true)])
        #expect(!route.isTooLong(300, under: .everywhere) && route.isTooLong(301, under: .everywhere))
        #expect(
            !route.isTooLong(200, under: RouteRules(regions: ["us"], trust: nil))
                && route.isTooLong(201, under: RouteRules(regions: ["us"], trust: nil)))
        #expect(!route.isTooLong(9999, under: RouteRules(regions: ["ap"], trust: nil)) && !model([]).isTooLong(9999, under: .everywhere))
        let starting = model([worker("a", context: 100, url: nil), worker("b", context: 1, url: nil)])
        #expect(!starting.isTooLong(9999, under: .everywhere))
    }

    @Test("a worker whose runtime was starting when the table was made is asked: how long its context is will be told later")
    func unknownContext() {
        let route = model([worker("a", context: 100), worker("b", context: 1)])
        #expect(picks(question(route, tokens: 200)) == ["b"])
        #expect(picks(question(route, tokens: 100)) == ["a", "b"])
    }
}
