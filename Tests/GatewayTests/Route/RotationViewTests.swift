import PlimsollWire
import Testing

@testable import Domain
@testable import Gateway

@Suite("Who is in rotation")
struct RotationViewTests {
    private func worker(_ number: Int, context: Int = 4096, paid: Bool = true, isAvoided: Bool = false) -> Worker {
        var entry = WorkerEntry(
            id: "w-\(number)", host: "host-\(number)", provider: "p", pool: "p", region: "eu", model: "m", release: number % 2 == 0 ? "even" : "odd",
            dialect: .vllm, link: .direct, url: "http://127.0.0.1:1", draining: false, slots: 4, contextTokens: context, weight: 1_000_000)
        entry.paid = paid
        let worker = Worker(entry, tally: WorkerTally(number: UInt32(number + 1), id: entry.id), load: nil, gate: nil)
        setAvoided(worker, isAvoided)
        return worker
    }

    private func setAvoided(_ worker: Worker, _ isAvoided: Bool) {
        worker.tally.take(FleetHealth.Standing(worker: worker.entry.id, isAvoided: isAvoided, pool: .well, since: 0))
    }

    private func question(_ workers: [Worker], tokens: Int = 10, isPaid: Bool = false) -> Router.Question {
        let rules = RouteRules(regions: [], trust: nil, isPaid: isPaid)
        let entry = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: ["even": 1, "odd": 1])
        return Router.Question(model: ModelRoute(entry, workers: workers, region: "eu", rules: [rules]), rules: rules, contextTokens: tokens)
    }

    /// What one turn finds, asked in this order.
    private func found(_ questions: [Router.Question], _ view: inout RotationView) -> [Bool] { questions.map { view.hasFresh($0) } }

    private func found(_ question: Router.Question) -> Bool {
        var view = RotationView()
        return view.hasFresh(question)
    }

    /// Where a whole pool is out each of those who wait would look through all of it, at each of its workers.
    @Test("workers are looked through once for all who ask the same in a turn, and anew in the next one")
    func once() {
        let workers = (0..<50).map { worker($0, isAvoided: true) }
        var question = question(workers)
        var view = RotationView()
        let first = found([question], &view)
        setAvoided(workers[40], false)
        question.triedHosts = ["host-1"]
        question.contextTokens = 11
        let second = found([question], &view)
        #expect(first == [false] && second == [false] && found(question))
        question.contextTokens = 5000
        #expect(!found(question))
    }

    @Test("hosts that a request has tried are none for it, however many it has tried")
    func tried() {
        let workers = (0..<20).map { worker($0) }
        let first = question(workers)
        let questions = (0...20).map { count in
            var next = first
            next.triedHosts = workers.prefix(count).map(\.entry.host)
            return next
        }
        var view = RotationView()
        let answers = found(questions, &view)
        #expect(answers == Array(repeating: true, count: 20) + [false])
    }

    @Test("prompts that only some workers hold, releases and rules have answers of their own")
    func kinds() {
        let workers = [worker(0, context: 100, isAvoided: true), worker(1, context: 50), worker(2, context: 200, paid: false)]
        let all = question(workers, isPaid: true)
        var (long, even, longest) = (all, all, all)
        (long.contextTokens, even.release, longest.contextTokens) = (60, "even", 201)
        var view = RotationView()
        let served = [all, long, even].map { view.isServedByScore($0) }
        let fresh = found([all, long, even, longest], &view)
        let allowed = [all, long].map { $0.allows(workers[2], &view) }
        #expect(served == [true, false, false])
        #expect(fresh == [true, true, true, false], "to one without a score rather than to nobody")
        #expect(allowed == [false, true])
    }

    /// As with the prepared ones: each request, and each that waits, asks for its lane several times.
    @Test("workers are put in order once for rules that were not told at the beginning, however often they are asked for")
    func rareRules() {
        let entry = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 1, tiers: [], releaseWeights: ["even": 1, "odd": 1])
        let route = ModelRoute(entry, workers: (0..<4).map { worker($0) }, region: "eu", rules: [])
        let rules = ["eu", "us"].map { RouteRules(regions: [$0], trust: nil) }
        let lanes = rules.map { route.lane($0) }
        #expect(lanes.map(\.workers.count) == [4, 0])
        #expect(zip(rules, lanes).allSatisfy { route.lane($0) === $1 })
        for number in 0..<1000 { _ = route.lane(RouteRules(regions: ["r\(number)"], trust: nil)) }
        #expect(route.lane(rules[0]).workers.count == 4)
    }
}
