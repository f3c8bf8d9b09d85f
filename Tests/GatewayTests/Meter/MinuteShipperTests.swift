import Domain
import NIOCore
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite("Shipping of minutes")
struct MinuteShipperTests {
    struct Unreachable: Error {}

    private static let now: Int64 = 1_800_000_000
    private static let accepted = IntakeResponse(stored: 0, duplicates: 0, quarantined: 0)

    @Test("counters are cumulative, numbered, and kept until they were taken")
    func cumulative() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let batches = Mutex<[MinuteBatch]>([])
        let fails = Mutex(true)
        var sender = MinuteSender(spool: stand.spool) { batch in
            if fails.withLock({ $0 }) { throw Unreachable() }
            batches.withLock { $0.append(batch) }
            return Self.accepted
        }
        try await stand.serve(2)
        await #expect(throws: Unreachable.self) { try await sender.shipChanges(now: Self.now) }
        fails.withLock { $0 = false }
        try await sender.shipChanges(now: Self.now)
        try await stand.serve(1)
        try await sender.shipChanges(now: Self.now)
        try await sender.shipChanges(now: Self.now)
        let sent = batches.withLock { $0 }
        #expect(sent.map { $0.minutes.first?.outcomes["good"] } == [2, 3])
        #expect(sent.map(\.sequence) == [2, 3])
        #expect(sent.last?.minutes.first?.minute == Self.now / 60)
        #expect(sent.last?.minutes.first?.firstTokenSamples == 3 && sent.last?.minutes.first?.firstTokenOver == 0)
        #expect(sent.last?.minutes.first?.firstTokenHistogram == [LatencyHistogram.index(of: 640_000): 3])
        try await stand.spool.close()
    }

    @Test("refused requests count in their minute without a record")
    func refusals() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.loop.submit {
            stand.meter.value.refuse(SpoolStand.subject, outcome: .quota, acceptedAt: Self.now * 1_000_000)
        }.get()
        let cells = try await stand.spool.takeMinutes()
        let counters = cells.map { MinuteCounters($0.key, $0.value) }
        #expect(counters.map(\.outcomes) == [["excluded:quota": 1]])
        #expect(counters.map(\.rateLimited) == [1])
        #expect(try SpoolReader(directory: folder.path).records().isEmpty)
        try await stand.spool.close()
    }

    @Test("what is older than the kept minutes is dropped and counted, not sent as too little")
    func lateCounts() {
        var ledger = MinuteLedger(keptMinutes: 120)
        let key = MinuteKey(minute: 1000, subject: MinuteSubject(tenant: "t", tier: "pro", model: "m", region: "eu"))
        ledger.add([key: MinuteCell()], nowMinute: 1000 + 120)
        #expect(ledger.dropped == 1 && ledger.isClean)
    }

    @Test("what ends when its minute is long over is told apart, so that nothing that was told before is told as less")
    func lateEnds() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let batches = Mutex<[MinuteBatch]>([])
        var sender = MinuteSender(spool: stand.spool) { batch in
            batches.withLock { $0.append(batch) }
            return Self.accepted
        }
        for (ends, after) in [(2, 0), (1, 1), (1, 10), (1, 11)] as [(Int, Int64)] {
            try await stand.serve(ends)
            try await sender.shipChanges(now: Self.now + after * 60)
        }
        let told = batches.withLock { $0 }.map { ($0.boot == stand.spool.boot, $0.minutes.first?.outcomes["good"] ?? 0) }
        #expect(told.map(\.0) == [true, true, false, false] && told.map(\.1) == [2, 3, 1, 2])
        try await stand.spool.close()
    }
}
