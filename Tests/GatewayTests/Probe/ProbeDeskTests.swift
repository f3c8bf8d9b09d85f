import Logging
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite struct ProbeDeskTests {
    private static func entry(_ id: String, region: String = "eu", draining: Bool = false) -> WorkerEntry {
        WorkerEntry(
            id: id, host: "h-\(id)", provider: "p", pool: "p", region: region, model: "m", release: "r", dialect: .vllm, link: .tunnel,
            draining: draining, slots: 1, contextTokens: 1, weight: 1)
    }

    private func table(_ workers: [WorkerEntry], gateways: [String]) -> TableContents {
        var table = TableContents(version: 1, issuedAtSeconds: 0)
        table.workers = workers
        table.gateways = gateways.map { GatewayEntry(id: $0, region: "eu", address: "") }
        return table
    }

    private func result(_ id: String) -> ProbeResult {
        ProbeResult(id: id, worker: "w", provider: "p", model: "m", region: "eu", at: 1, succeeded: true, status: 200)
    }

    /// Whom it probes within a while.
    private func asked(_ desk: ProbeDesk) -> [String: Bool] {
        Dictionary(uniqueKeysWithValues: desk.due(now: 1 << 40).map { ($0.worker, $0.isStandIn) })
    }

    @Test func `gateways of a region share out its workers, and leave alone those that drain or are elsewhere`() {
        let workers = (0..<40).map { Self.entry("w\($0)") } + [Self.entry("far", region: "us"), Self.entry("ending", draining: true)]
        let desks = ["g1", "g2", "g3"].map { ProbeDesk(region: "eu", gateway: $0) }
        let shares = desks.map { desk in
            desk.assign(table(workers, gateways: ["g1", "g2", "g3"]), now: 0)
            return Set(asked(desk).keys)
        }
        #expect(shares.allSatisfy { !$0.isEmpty } && shares.reduce(0) { $0 + $1.count } == 40)
        #expect(shares.reduce(into: Set<String>()) { $0.formUnion($1) } == Set((0..<40).map { "w\($0)" }))
    }

    @Test func `a gateway stands in while it is told to, for workers of its region only`() {
        let desk = ProbeDesk(region: "eu", gateway: "g9")
        desk.assign(table([Self.entry("w"), Self.entry("far", region: "us")], gateways: ["g1"]), now: 0)
        #expect(asked(desk).isEmpty)
        _ = desk.take(ProbeAnswer(stored: 0, duplicates: 0, quarantined: 0, standIn: ["w", "far"]), now: 0)
        #expect(asked(desk) == ["w": true])
        _ = desk.take(ProbeAnswer(stored: 0, duplicates: 0, quarantined: 0), now: 0)
        #expect(asked(desk).isEmpty)
    }

    @Test func `a failing worker is acted upon once for each failure`() {
        let desk = ProbeDesk(region: "eu", gateway: "g")
        desk.assign(table([Self.entry("w")], gateways: []), now: 0)
        func told(_ at: Int64) -> [String] {
            desk.take(ProbeAnswer(stored: 0, duplicates: 0, quarantined: 0, failing: ["w": at, "stranger": at]), now: 0)
        }
        #expect(told(5) == ["w"])
        #expect(told(5) == [])
        #expect(told(6) == ["w"])
    }

    @Test func `results are kept in order until they are acknowledged, and the oldest go when there are too many`() {
        let desk = ProbeDesk(region: "eu", gateway: "g")
        for number in 0..<5 { desk.note(result("\(number)")) }
        let taken = desk.take(3)
        desk.note(result("5"))
        desk.restore(taken)
        #expect(desk.take(10).map(\.id) == ["0", "1", "2", "3", "4", "5"])
        for number in 0..<ProbeDesk.most + 2 { desk.note(result("\(number)")) }
        #expect(desk.take(1).map(\.id) == ["2"])
    }

    @Test func `what was not taken is sent again, and an empty message still asks`() async {
        struct Away: Error {}
        let desk = ProbeDesk(region: "eu", gateway: "g")
        desk.assign(table([Self.entry("w")], gateways: []), now: 0)
        let sent = Mutex<[[String]]>([])
        let isAway = Mutex(true)
        let avoided = Mutex<[String]>([])
        let shipper = ProbeShipper(
            desk: desk, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), interval: .seconds(5),
            failing: { ids in avoided.withLock { $0 += ids } },
            send: { batch in
                if isAway.withLock({ $0 }) { throw Away() }
                sent.withLock { $0.append(batch.probes.map(\.id)) }
                return ProbeAnswer(stored: batch.probes.count, duplicates: 0, quarantined: 0, failing: ["w": 7])
            })
        desk.note(result("a"))
        await shipper.ship()
        isAway.withLock { $0 = false }
        await shipper.ship()
        await shipper.ship()
        #expect(sent.withLock { $0 } == [["a"], []] && avoided.withLock { $0 } == ["w"])
    }
}
