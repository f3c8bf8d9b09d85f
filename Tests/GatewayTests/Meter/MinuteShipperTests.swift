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
        #expect(sent.map { $0.minutes.first?.outcomes["good"] } == [2, 3, nil], "the last one is a sign of life")
        #expect(sent.map(\.sequence) == [2, 3, 4] && sent.allSatisfy { $0.closes == false })
        #expect(sent[1].minutes.first?.minute == Self.now / 60)
        #expect(sent[1].minutes.first?.firstTokenSamples == 3 && sent[1].minutes.first?.firstTokenOver == 0)
        #expect(sent[1].minutes.first?.firstTokenHistogram == [LatencyHistogram.index(of: 640_000): 3])
        try await stand.spool.close()
    }

    @Test("a minute is told within two seconds of its end, at a time of each gateway's own, and within a second when a try failed")
    func pace() {
        var places: Set<Duration> = []
        for number in 0..<50 {
            let pace = MinutePace(gateway: "gateway-\(number)", interval: .seconds(5))
            var (now, told): (Int64, [Int64]) = (1_800_000_000_000_000 + Int64(number) * 777_777, [])
            for _ in 0..<60 {
                now += Int64((pace.pause(at: now, wasTold: true) / .microseconds(1)).rounded())
                told.append(now % 60_000_000)
            }
            #expect(told.count { (200_000..<1_200_000).contains($0) } >= 4, "\(told)")
            #expect(zip(told, told.dropFirst()).allSatisfy { $1 < $0 || $1 - $0 <= 5_000_000 })
            #expect(pace.pause(at: now, wasTold: false) <= .seconds(1))
            #expect(pace.pause(at: now, wasTold: false, retryAfter: .seconds(2)) == .seconds(2), "as the control plane asked")
            places.insert(pace.pause(at: 59_000_000, wasTold: true))
        }
        #expect(places.count > 40)
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

    @Test("a batch is as large as the control plane takes it, and has the oldest first")
    func batchSize() {
        var (ledger, cells): (MinuteLedger, [MinuteKey: MinuteCell]) = (MinuteLedger(keptMinutes: 120), [:])
        var full = MinuteCell()
        for bucket in 0..<1_000 { full.histogram.add(Int64(bucket * bucket) * 1_000) }
        for number in 0..<MinuteBatch.most + 5 {
            cells[MinuteKey(minute: 1000, subject: MinuteSubject(tenant: "\(number)", tier: "pro", model: "m", region: "eu"))] = MinuteCell()
            cells[MinuteKey(minute: 1001, subject: MinuteSubject(tenant: "\(number)", tier: "pro", model: "m", region: "eu"))] = full
        }
        ledger.add(cells, nowMinute: 1001)
        var batches: [[MinuteKey]] = []
        while !ledger.isClean { batches.append(ledger.take(MinuteBatch.most)) }
        #expect(batches.first?.count == MinuteBatch.most && batches.first?.allSatisfy { $0.minute == 1000 } == true)
        #expect(batches.joined().count == cells.count && Set(batches.joined()).count == cells.count)
        let sizes = batches.map { keys in ledger.counters(keys) }.map { minutes in
            (try? WireCoder.encode(MinuteBatch(gateway: "g", boot: "b", sequence: 1, minutes: minutes)).count) ?? .max
        }
        #expect(sizes.allSatisfy { $0 < MinuteBatch.mostBytes } && sizes.dropFirst().dropLast().allSatisfy { $0 > MinuteBatch.mostBytes / 3 })
    }

    @Test("a control plane that takes less at once is told less at once, until it takes more")
    func refusedSize() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let sizes = Mutex<[Int]>([])
        var sender = MinuteSender(spool: stand.spool) { batch in
            guard batch.minutes.count <= 2_000 else { throw EnrolmentError(.refused, "too large") }
            sizes.withLock { $0.append(batch.minutes.count) }
            return Self.accepted
        }
        try await stand.loop.submit {
            for number in 0..<3_000 {
                let subject = UsageSubject(
                    tenant: "t\(number)", key: "k", tier: "pro", model: "m", region: "eu", firstTokenObjective: 1_000_000)
                stand.meter.value.refuse(subject, outcome: .quota, acceptedAt: Self.now * 1_000_000)
            }
        }.get()
        var tries = 0
        while sizes.withLock({ $0.reduce(0, +) }) < 3_000, tries < 10 {
            tries += 1
            try? await sender.shipChanges(now: Self.now)
        }
        #expect(sizes.withLock { $0 }.reduce(0, +) == 3_000 && sizes.withLock { $0 }.allSatisfy { $0 <= 2_000 } && tries == 4)
        try await stand.spool.close()
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
        let counted = batches.withLock { $0 }.filter { !$0.minutes.isEmpty }
        let told = counted.map { ($0.boot == stand.spool.boot, $0.minutes.first?.outcomes["good"] ?? 0) }
        #expect(told.map(\.0) == [true, true, false, false] && told.map(\.1) == [2, 3, 1, 2])
        try await stand.spool.close()
    }
}
