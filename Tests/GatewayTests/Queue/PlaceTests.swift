import Domain
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

@Suite("Places at a worker")
struct PlaceTests {
    private func worker(_ id: String = "w", slots: Int, load: WorkerLoad? = nil, kvTokens: Int? = nil) -> Worker {
        let entry = WorkerEntry(
            id: id, host: id, provider: "p", pool: "p", region: "r", model: "m", release: "r", dialect: .vllm, link: .tunnel,
            url: "http://127.0.0.1:9", draining: false, slots: slots, contextTokens: 4096, weight: 1_000_000, kvTokens: kvTokens)
        return Worker(entry, tally: WorkerTally(), load: load, gate: nil)
    }

    private func lane(_ workers: [Worker]) -> RouteLane {
        RouteLane(
            ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 0, tiers: [], releaseWeights: ["r": 1_000_000]), workers: workers,
            region: "r")
    }

    private func report(_ load: WorkerLoad, _ runtime: RuntimeLoad) {
        load.take(LinkReport.Worker(id: "w", ready: true, load: runtime), of: .serving, at: .now())
    }

    private let small = PlaceNeed(tokens: 10, tenant: 7)

    /// How many such requests it takes.
    private func places(_ worker: Worker, _ need: PlaceNeed) -> Int { (0..<100).prefix { _ in worker.take(need) }.count }

    @Test("a worker has as many places as slots, and each is given once")
    func slots() {
        let worker = worker(slots: 3)
        #expect(places(worker, small) == 3)
        worker.tally.free(small)
        #expect(places(worker, small) == 1)
        worker.force(small)
        #expect(worker.tally.inFlight == 4 && worker.tally.heldTokens == 40)
    }

    @Test("what other gateways hold there is taken off, once two reports say so")
    func others() {
        let load = WorkerLoad()
        report(load, RuntimeLoad(relaying: 4))
        #expect(worker(slots: 6, load: load).openSlots == 6)
        report(load, RuntimeLoad(relaying: 4))
        #expect(places(worker(slots: 6, load: load), small) == 2)
        report(load, RuntimeLoad(relaying: 0))
        #expect(places(worker(slots: 6, load: load), small) == 6)
    }

    @Test("where another gateway's protected request wants a place nothing begins that makes way, and what runs gives it up once")
    func wantedElsewhere() {
        let load = WorkerLoad()
        let worker = worker(slots: 4, load: load)
        var free = small
        free.yields = true
        func report(_ told: PlacesTold?) {
            load.take(LinkReport.Worker(id: "w", ready: true, load: RuntimeLoad(), others: told), of: .serving, at: .now())
        }
        #expect(worker.take(free) && worker.take(free) && !worker.takesPlaceAsked(now: 0))
        report(PlacesTold(wanted: 1))
        #expect(!worker.take(free) && !worker.hasRoom(for: free) && worker.hasRoom(for: small))
        #expect(worker.takesPlaceAsked(now: 0) && !worker.takesPlaceAsked(now: 0))
        report(PlacesTold(wanted: 1))
        #expect(!worker.takesPlaceAsked(now: 900_000), "its place is on its way")
        #expect(worker.takesPlaceAsked(now: 1_100_001), "it was not enough")
        report(PlacesTold(yielding: 3))
        #expect(worker.yielding == 5 && worker.take(free) && !worker.takesPlaceAsked(now: 9_000_000))
        report(PlacesTold(wanted: -1, yielding: -1))
        #expect(worker.yielding == 3 && load.placesWanted == 0)
        report(PlacesTold(wanted: 1))
        load.lost()
        #expect(load.placesWanted == 0)
    }

    @Test("places are wanted for those who are late and those who were refused, where others run something, four times a second")
    func wants() {
        let loads = [WorkerLoad(), WorkerLoad()]
        let workers = zip(["a", "b"], loads).map { worker($0, slots: 4, load: $1) }
        for (load, relaying) in zip(loads, [2, 3]) { for _ in 0..<2 { self.report(load, RuntimeLoad(relaying: relaying)) } }
        let model = ModelEntry(name: "m", contextTokens: 4096, createdAtSeconds: 0, tiers: [], releaseWeights: ["r": 1_000_000])
        var question = Router.Question(model: ModelRoute(model, workers: workers, region: "r"), contextTokens: 1)
        question.need = small
        var wants = PlaceWants()
        func taken(_ late: Int, at now: Int64) -> [String: Int] {
            let wanted = wants.take(now: now, workers: workers) { foreign in
                #expect(foreign == 5)
                return Array(repeating: question, count: late)
            }
            return Dictionary(uniqueKeysWithValues: wanted.map { ($0.worker.entry.id, $0.places) })
        }
        #expect(taken(0, at: 0).isEmpty)
        #expect(taken(3, at: 0) == ["a": 1, "b": 2])
        wants.note(question, at: workers, now: 200_000)
        #expect(taken(9, at: 200_000).isEmpty)
        #expect(taken(0, at: 250_000) == ["b": 1])
        #expect(taken(9, at: 500_000) == ["a": 2, "b": 3])
    }

    @Test("a runtime inside which requests wait gets nothing new")
    func backedUp() {
        let load = WorkerLoad()
        report(load, RuntimeLoad(running: 4, waiting: 4))
        #expect(!worker(slots: 8, load: load).hasRoom(for: small))
        report(load, RuntimeLoad(running: 8, waiting: 2))
        #expect(worker(slots: 8, load: load).hasRoom(for: small))
    }

    @Test("a runtime that runs fewer requests than it is said to have slots while others wait gets nothing new from the second report on")
    func fewerSlotsThanKnown() {
        let load = WorkerLoad()
        let worker = worker(slots: 256, load: load)
        report(load, RuntimeLoad(running: 64, waiting: 30))
        #expect(worker.hasRoom(for: small), "what came at once waits for a moment anywhere")
        report(load, RuntimeLoad(running: 64, waiting: 28))
        #expect(!worker.hasRoom(for: small))
        report(load, RuntimeLoad(running: 64, waiting: 10))
        #expect(worker.hasRoom(for: small))
    }

    @Test("no prompt above the free KV cache, by its size where somebody knows it, else by the share in use; a request alone always fits")
    func cache() {
        let large = PlaceNeed(tokens: 400, tenant: 7)
        #expect(places(worker(slots: 8, kvTokens: 1000), large) == 2)
        #expect(places(worker(slots: 8, kvTokens: 300), large) == 1)
        let load = WorkerLoad()
        report(load, RuntimeLoad(running: 1, kvUsedRatio: 0.5, kvTokens: 1200))
        #expect(places(worker(slots: 8, load: load), large) == 1)
        report(load, RuntimeLoad(running: 1, kvUsedRatio: 0.96))
        #expect(places(worker(slots: 8, load: load), small) == 1)
    }

    @Test("a tenant's share bounds its slots and its KV cache, and leaves the rest to others")
    func share() {
        let worker = worker(slots: 8, kvTokens: 4000)
        #expect(places(worker, PlaceNeed(tokens: 10, tenant: 0x0101, tenantSharePercent: 50)) == 4)
        #expect(places(worker, PlaceNeed(tokens: 1500, tenant: 0x0202, tenantSharePercent: 50)) == 1)
        #expect(places(worker, PlaceNeed(tokens: 10, tenant: 0x0303, tenantSharePercent: 50)) == 3)
    }

    @Test("what a tenant holds is never told too little, and others that share one field of it do not add to it")
    func holdings() {
        let worker = worker(slots: 100)
        let (own, beside, both) = (UInt64(0x0102), [UInt64(0x0302), 0x0402], UInt64(0x0102))
        for tenant in [own] + beside { #expect(worker.take(PlaceNeed(tokens: 30, tenant: tenant))) }
        #expect(worker.tally.holding(own) == Holding(places: 1, tokens: 30))
        #expect(worker.take(PlaceNeed(tokens: 5, tenant: both, rank: 2)))
        #expect(worker.tally.holding(own) == Holding(places: 2, tokens: 35))
        #expect(worker.tally.holding(above: 2) == Holding(places: 3, tokens: 90))
        #expect(worker.tally.holding(of: 2) == Holding(places: 1, tokens: 5))
        for tenant in [own] + beside { worker.tally.free(PlaceNeed(tokens: 30, tenant: tenant)) }
        worker.tally.free(PlaceNeed(tokens: 5, tenant: both, rank: 2))
        #expect(worker.tally.holding(above: 3) == Holding() && worker.tally.holding(own) == Holding())
    }

    @Test("a tenant leaves places free in proportion to those it holds, of all workers together, and what lesser tiers hold is free")
    func headroom() {
        let workers = (0..<4).map { self.worker("w\($0)", slots: 8) }
        let lane = lane(workers)
        func fill(_ need: PlaceNeed) -> Int {
            var taken = 0
            while lane.leavesHeadroom(need), workers.contains(where: { $0.take(need) }) { taken += 1 }
            return taken
        }
        // 28 is no more than eight times the four that are left.
        #expect(fill(PlaceNeed(tokens: 10, tenant: 0x0101, rank: 1)) == 28)
        #expect(fill(PlaceNeed(tokens: 10, tenant: 0x0202, rank: 1)) == 1)
        #expect(lane.leavesHeadroom(PlaceNeed(tokens: 10, tenant: 0x0303, rank: 1)))
        #expect(fill(PlaceNeed(tokens: 10, tenant: 0x0404, rank: 0)) == 3)
        #expect(lane.leavesHeadroom(PlaceNeed(tokens: 10, tenant: 0x0404, rank: 0), asked: 20))
        #expect(!lane.leavesHeadroom(PlaceNeed(tokens: 10, tenant: 0x0202, rank: 1)))
        #expect(!lane.leavesHeadroom(PlaceNeed(tokens: 10, tenant: 0x0404, rank: 0), asked: 28))
    }

    @Test(
        "a tenant leaves free what its neighbours' need moves by, not what those hold who always want more, and keeps three quarters of an equal share"
    )
    func neighbours() {
        let workers = (0..<4).map { self.worker("w\($0)", slots: 16) }
        let lane = lane(workers)
        func take(_ tenant: UInt64, _ places: Int, rank: Int = 1) {
            for _ in 0..<places { #expect(workers.contains { $0.take(PlaceNeed(tokens: 10, tenant: tenant, rank: rank)) }) }
        }
        func mayTake(_ tenant: UInt64, of tenants: Int, steady: Int) -> Bool {
            lane.leavesHeadroom(PlaceNeed(tokens: 10, tenant: tenant, rank: 1), neighbours: .init(tenants: tenants, steady: steady))
        }
        take(0x0101, 25)
        take(0x0202, 16)
        take(0x0303, 14)
        // Nine of 64 are free; of what 30 hold eight of them would have to stay, of what 16 hold as well, of what 9 hold six.
        #expect(mayTake(0x0101, of: 3, steady: 14))
        take(0x0101, 1)
        #expect(!mayTake(0x0101, of: 3, steady: 14))
        #expect(mayTake(0x0101, of: 3, steady: 21))
        // Half of 64 is 32, a third of three quarters of it 16.
        #expect(mayTake(0x0303, of: 3, steady: 0))
        #expect(!mayTake(0x0303, of: 4, steady: 0))
        // What greater tiers hold is not there to be shared, and does not move.
        take(0x0404, 4, rank: 0)
        #expect(mayTake(0x0303, of: 3, steady: 0) && !mayTake(0x0303, of: 4, steady: 0))
        take(0x0404, 1, rank: 0)
        #expect(!mayTake(0x0303, of: 3, steady: 0))
    }

    @Test("a tenant leaves room in KV caches, too; where nobody knows their size, or there are few slots, nothing is kept")
    func cacheHeadroom() {
        func fill(_ workers: [Worker], tokens: Int) -> Int {
            let (lane, need) = (lane(workers), PlaceNeed(tokens: tokens, tenant: 0x0101))
            return (0..<100).prefix { _ in lane.leavesHeadroom(need) && workers.contains { $0.take(need) } }.count
        }
        #expect(fill([worker("a", slots: 64, kvTokens: 1000), worker("b", slots: 64, kvTokens: 1000)], tokens: 100) == 17)
        #expect(fill([worker("a", slots: 8, kvTokens: 1000), worker("b", slots: 8)], tokens: 1) == 14)
        #expect(fill([worker("a", slots: 3)], tokens: 1) == 3)
        #expect(fill([worker("a", slots: 4)], tokens: 1) == 3)
    }

    @Test("slots that a tier has for itself no other may hold, greater or lesser, and it has the rest as all have")
    func reserved() throws {
        let tiers = ["business": (30, 20), "pro": (20, 0), "hobby": (10, 0)].mapValues { rank, percent in
            TierEntry(
                name: "t", maxPromptTokens: 1, maxOutputTokens: 1, maxBodyBytes: 1, requestsPerMinute: 1, tokensPerMinute: 1, concurrentRequests: 1,
                maxTableAgeSeconds: 60, ttftObjectiveMicroseconds: 1, queue: TierQueue(priority: rank, reservedPercent: percent))
        }
        func needs(_ tiers: [String: TierEntry]) -> [String: PlaceNeed] {
            TierStanding.standings(tiers).mapValues {
                PlaceNeed(tokens: 10, slotPercent: Int32($0.slotPercent), reserved: $0.reserved, tenant: 7, rank: $0.place)
            }
        }
        let need = needs(tiers)
        let (business, pro, hobby) = (try #require(need["business"]), try #require(need["pro"]), try #require(need["hobby"]))
        let worker = worker(slots: 10)
        #expect(places(worker, hobby) == 8 && places(worker, pro) == 0, "two of ten are kept, whoever asks")
        #expect(places(worker, business) == 2)
        worker.tally.free(business)
        #expect(places(worker, hobby) == 0, "its own slot stays its own")
        worker.tally.free(hobby)
        #expect(places(worker, business) == 2, "and what is left is for all")
        worker.tally.free(business)
        #expect(places(worker, pro) == 1, "two are held by the tier itself: none has to be kept")
        // A lesser tier may have some, too.
        var turned = tiers
        turned["business"]?.queue?.reservedPercent = nil
        turned["hobby"]?.queue?.reservedPercent = 50
        let other = needs(turned)
        #expect(places(self.worker(slots: 10), other["business"] ?? business) == 5)
        #expect(places(self.worker(slots: 10), other["hobby"] ?? business) == 10)
        #expect(places(self.worker(slots: 1), other["business"] ?? business) == 1, "half of one slot is none")
    }

    @Test("what needs no KV cache is not held up by a full one")
    func noCache() {
        let (known, unknown) = (worker(slots: 3, kvTokens: 100), WorkerLoad())
        report(unknown, RuntimeLoad(running: 1, waiting: 0, kvUsedRatio: 1))
        for worker in [known, worker(slots: 3, load: unknown)] {
            #expect(worker.take(PlaceNeed(tokens: 200, tenant: 7)), "a request alone fits")
            #expect(!worker.take(PlaceNeed(tokens: 1, tenant: 7)))
            #expect(worker.take(PlaceNeed(tokens: 0, tenant: 7)))
        }
    }

    @Test("slots that greater tiers keep for bursts are not given")
    func burst() {
        #expect(places(worker(slots: 20), PlaceNeed(tokens: 10, slotPercent: 90, tenant: 7)) == 18)
        #expect(places(worker(slots: 2), PlaceNeed(tokens: 10, slotPercent: 90, tenant: 7)) == 2)
    }
}
