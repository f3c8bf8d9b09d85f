import Testing

@testable import Domain

@Suite("Leases on a quota")
struct QuotaLeaseTests {
    @Test("a first grant is half of an equal part, and what is needed when that is more")
    func slices() {
        var lease = QuotaLease()
        let first = lease.take(.init(granted: 0, spent: 0, need: 10), limit: 8000, others: 0, gateways: 4)
        #expect(!first && lease.granted == 1000)
        let second = lease.take(.init(granted: 1000, spent: 900, need: 3000), limit: 8000, others: 0, gateways: 4)
        #expect(!second && lease.granted == 4000)
        let third = lease.take(.init(granted: 4000, spent: 3900, need: 5000), limit: 8000, others: 2000, gateways: 4)
        #expect(third && lease.granted == 6000, "all there is")
    }

    @Test("the same report again changes nothing, and an answer that was lost is not granted twice")
    func repeated() {
        var lease = QuotaLease()
        let report = QuotaLease.Report(granted: 0, spent: 0, need: 100)
        _ = lease.take(report, limit: 1000, others: 0, gateways: 1)
        let once = lease
        _ = lease.take(report, limit: 1000, others: 0, gateways: 1)
        #expect(lease == once)
    }

    @Test("what is given back is free for others, what was spent never is")
    func back() {
        var lease = QuotaLease()
        _ = lease.take(.init(granted: 0, spent: 0, need: 1000), limit: 1000, others: 0, gateways: 1)
        _ = lease.take(.init(granted: 1000, spent: 300, enough: 200), limit: 1000, others: 0, gateways: 1)
        #expect(lease.hold == 300)
        lease.end(stored: 350)
        #expect(lease.hold == 350 && !lease.isOpen)
        let ended = lease
        lease.end(stored: 350)
        #expect(lease == ended, "once")
        _ = lease.take(.init(granted: 1000, spent: 400), limit: 1000, others: 0, gateways: 1)
        #expect(lease.hold == 400)
    }

    /// I9, rows 48 and 49: gateways that die, reports that are lost and repeated, limits that change.
    @Test("whatever happens, what is held and spent never exceeds the quota", arguments: 0..<50)
    func simulation(seed: UInt64) {
        var generator = FixedGenerator(state: seed)
        var limit: Int64 = 10_000
        var leases = [QuotaLease](repeating: QuotaLease(), count: 4)
        var known = [Int64](repeating: 0, count: 4)
        var taken = [Int64](repeating: 0, count: 4)
        for _ in 0..<2000 {
            let place = Int.random(in: 0..<4, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                // The gateway dies: its last report is what counts, its memory is gone with what it took since.
                leases[place].end(stored: taken[place])
                known[place] = leases[place].granted
            case 1: limit = max(limit, 10_000 + Int64.random(in: 0...500, using: &generator))
            case 2...5: taken[place] += min(Int64.random(in: 0...100, using: &generator), max(0, known[place] - taken[place]))
            default:
                let wish = Int64.random(in: 0...200, using: &generator)
                let enough: Int64? = wish % 7 == 0 ? taken[place] : nil
                if enough != nil { known[place] = min(known[place], taken[place]) }
                let others = leases.indices.filter { $0 != place }.reduce(0) { $0 + leases[$1].hold }
                let report = QuotaLease.Report(granted: known[place], spent: taken[place], need: enough == nil ? wish : 0, enough: enough)
                _ = leases[place].take(report, limit: limit, others: others, gateways: 4)
                // Every fifth answer is lost.
                if Int.random(in: 0..<5, using: &generator) > 0 { known[place] = leases[place].granted }
            }
            #expect(leases.reduce(0) { $0 + $1.hold } <= limit)
            #expect(taken.reduce(0, +) <= limit)
        }
        #expect(taken.reduce(0, +) > limit / 2)
    }
}
