import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

@Suite("Places at a worker")
struct PlaceTests {
    private func worker(slots: Int, load: WorkerLoad? = nil, kvTokens: Int? = nil) -> Worker {
        let entry = WorkerEntry(
            id: "w", host: "h", provider: "p", pool: "p", region: "r", model: "m", release: "r", dialect: .vllm, link: .tunnel, draining: false,
            slots: slots, contextTokens: 4096, weight: 1_000_000, kvTokens: kvTokens)
        return Worker(entry, tally: WorkerTally(), load: load, gate: nil)
    }

    private func report(_ load: WorkerLoad, _ runtime: RuntimeLoad) {
        load.take(LinkReport.Worker(id: "w", ready: true, load: runtime), of: .serving, at: .now())
    }

    private let small = PlaceNeed(tokens: 10, tenant: "t")

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

    @Test("a runtime inside which requests wait gets nothing new")
    func backedUp() {
        let load = WorkerLoad()
        report(load, RuntimeLoad(running: 4, waiting: 4))
        #expect(!worker(slots: 8, load: load).hasRoom(for: small))
        report(load, RuntimeLoad(running: 8, waiting: 2))
        #expect(worker(slots: 8, load: load).hasRoom(for: small))
    }

    @Test("no prompt above the free KV cache, by its size where somebody knows it, else by the share in use; a request alone always fits")
    func cache() {
        let large = PlaceNeed(tokens: 400, tenant: "t")
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
        #expect(places(worker, PlaceNeed(tokens: 10, tenant: "noisy", tenantSharePercent: 50)) == 4)
        #expect(places(worker, PlaceNeed(tokens: 1500, tenant: "long", tenantSharePercent: 50)) == 1)
        #expect(places(worker, PlaceNeed(tokens: 10, tenant: "quiet", tenantSharePercent: 50)) == 3)
    }

    @Test("slots that greater tiers keep for bursts are not given")
    func burst() {
        #expect(places(worker(slots: 20), PlaceNeed(tokens: 10, slotPercent: 90, tenant: "t")) == 18)
        #expect(places(worker(slots: 2), PlaceNeed(tokens: 10, slotPercent: 90, tenant: "t")) == 2)
    }
}
