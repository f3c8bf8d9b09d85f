import Domain
import Logging
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// A control plane that stores each request once and can lose its answers.
private final class Intake: Sendable {
    struct Lost: Error {}

    private let state = Mutex<(records: [String: UsageRecord], batches: Int, losesAnswer: Bool, ended: [String])>(([:], 0, false, []))

    var records: [UsageRecord] { state.withLock { $0.records.values.sorted { $0.sequence < $1.sequence } } }
    var batches: Int { state.withLock { $0.batches } }
    /// Starts that were told as ended, as often as they were.
    var ended: [String] { state.withLock { $0.ended } }
    func loseNextAnswer() { state.withLock { $0.losesAnswer = true } }

    func take(_ batch: UsageBatch) throws -> IntakeResponse {
        try state.withLock { state in
            state.batches += 1
            state.ended += batch.ended ?? []
            var answer = IntakeResponse(stored: 0, duplicates: 0, quarantined: 0)
            for record in batch.records {
                switch UsageLedger.arrival(stored: state.records[record.requestId].map { "\($0)" }, arriving: "\(record)") {
                case .stored: answer.stored += 1
                case .duplicate: answer.duplicates += 1
                case .conflict: answer.quarantined += 1
                }
                state.records[record.requestId] = state.records[record.requestId] ?? record
            }
            if state.losesAnswer {
                state.losesAnswer = false
                throw Lost()
            }
            return answer
        }
    }
}

@Suite("Shipping of usage records")
struct UsageShipperTests {
    private func shipper(_ stand: SpoolStand, _ intake: Intake) -> UsageShipper {
        UsageShipper(spool: stand.spool, logger: Logger(label: "test")) { try intake.take($0) }
    }

    @Test("every ended request arrives once, also while the gateway goes on")
    func arrives() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        try await shipper(stand, intake).drain()
        #expect(intake.records.map(\.sequence) == [1, 2, 3])
        try await stand.serve(2)
        try await shipper(stand, intake).drain()
        #expect(intake.batches == 2)
        #expect(intake.records.count == 3, "the same request ids are known already")
        try await stand.spool.close()
    }

    @Test("a lost answer makes the batch come again, and nothing is stored twice or differs")
    func lostAnswer() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let stand = try await SpoolStand(folder)
        try await stand.serve(4)
        intake.loseNextAnswer()
        await #expect(throws: Intake.Lost.self) { _ = try await shipper(stand, intake).shipOnce() }
        try await shipper(stand, intake).drain()
        #expect(intake.records.map(\.sequence) == [1, 2, 3, 4])
        #expect(intake.batches == 2)
        try await stand.spool.close()
    }

    @Test("a long backlog goes in bounded batches")
    func boundedBatches() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 40_000, tailBytes: 0))
        try await stand.serve(1200)
        try await shipper(stand, intake).drain()
        #expect(intake.records.count == 1200)
        #expect(intake.batches >= 3)
        try await stand.spool.close()
    }

    @Test("what a killed gateway left is shipped by the next one, the interrupted request too")
    func afterKill() async throws {
        let (folder, copy, intake) = (try ScratchFolder(), try ScratchFolder(), Intake())
        let stand = try await SpoolStand(folder)
        try await stand.serve(2)
        _ = try await stand.admit(3)
        for file in try folder.files(".seg") { try copy.write(try folder.bytes(file), to: file) }
        let next = try await SpoolStand(copy)
        try await shipper(next, intake).drain()
        #expect(intake.records.map(\.outcome) == ["good", "good", "bad:interrupted"])
        #expect(Set(intake.records.map(\.boot)) == [stand.spool.boot])
        try await stand.spool.close()
        try await next.spool.close()
    }

    @Test("that every record of an earlier start is sent is told once, also where nothing of it was left to send", arguments: [false, true])
    func ended(isShippedBefore: Bool) async throws {
        let intake = Intake()
        var folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        if isShippedBefore { try await shipper(stand, intake).drain() }
        #expect(intake.ended.isEmpty, "it goes on")
        for times in 1...3 {
            // Killed, and started again with what it left; only the first start is of interest.
            let left = try folder.files("").filter { $0.hasSuffix(".closed") || $0 == "cursor" || $0.hasPrefix(stand.spool.boot) }
            let copy = try ScratchFolder()
            for file in left { try copy.write(try folder.bytes(file), to: file) }
            folder = copy
            let next = try await SpoolStand(copy)
            if times == 1 { intake.loseNextAnswer() }
            if times == 1 { await #expect(throws: Intake.Lost.self) { try await shipper(next, intake).drain() } }
            for _ in 1...2 { try await shipper(next, intake).drain() }
            #expect(intake.ended == [stand.spool.boot, stand.spool.boot], "the answer to the first was lost")
            #expect(intake.records.count == 3)
            try await next.spool.close()
        }
        try await stand.spool.close()
    }

    @Test("a start with damaged records is never told as ended")
    func damaged() async throws {
        let (folder, copy, intake) = (try ScratchFolder(), try ScratchFolder(), Intake())
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        let file = try #require(try folder.files(".seg").first)
        var bytes = try folder.bytes(file)
        bytes[bytes.count / 2] ^= 1
        try copy.write(bytes, to: file)
        try await stand.spool.close()
        let next = try await SpoolStand(copy)
        for _ in 1...2 { try await shipper(next, intake).drain() }
        #expect(intake.ended.isEmpty && !intake.records.isEmpty)
        try await next.spool.close()
    }

    @Test("who is asked to come again soon makes no longer and longer pauses: a drill's end is not slept through")
    func askedSoon() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let tries = Atomic<Int>(0)
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let shipper = UsageShipper(spool: stand.spool, logger: logger, pause: .milliseconds(5)) { batch in
            // Else the twelfth pause is half a minute.
            guard tries.wrappingAdd(1, ordering: .relaxed).newValue > 12 else { throw EnrolmentError(.unreachable, "alone", retryAfter: .zero) }
            return try intake.take(batch)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await Waiting.until("the records are there", within: .seconds(20)) { intake.records.count == 3 }
            group.cancelAll()
        }
        try await stand.spool.close()
    }

    /// As for a certificate that is not known any more, or by a control plane of another version.
    @Test("a batch that is refused comes again until it is taken; what is recorded meanwhile comes with it or behind it, and nothing is lost")
    func refused() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let takes = Atomic<Bool>(false)
        let refusals = Mutex<[[Int64]]>([])
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let shipper = UsageShipper(spool: stand.spool, logger: logger, pause: .milliseconds(5)) { batch in
            guard takes.load(ordering: .relaxed) else {
                refusals.withLock { $0.append(batch.records.map(\.sequence)) }
                throw EnrolmentError(.refused, "status 403")
            }
            return try intake.take(batch)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await Waiting.until("a refusal", within: .seconds(20)) { refusals.withLock { !$0.isEmpty } }
            // Requests go on as if nothing was.
            let sequence = try #require(try await stand.admit(4))
            #expect(try await stand.finish(4, sequence: sequence))
            try await Waiting.until("a batch that was refused again", within: .seconds(20)) { refusals.withLock { $0.contains([1, 2, 3, 4]) } }
            takes.store(true, ordering: .relaxed)
            try await Waiting.until("the records are there", within: .seconds(20)) { intake.records.count == 4 }
            group.cancelAll()
        }
        #expect(intake.records.map(\.sequence) == [1, 2, 3, 4])
        #expect(refusals.withLock { $0.allSatisfy { $0.starts(with: [1, 2, 3]) } })
        #expect(stand.spool.statistics.shipFailures.load(ordering: .relaxed) >= 2)
        try await stand.spool.close()
    }

    @Test("what is refused stays on the disk however old it is, also for the next start, and goes when it is taken")
    func refusedAndOld() async throws {
        let (folder, copy, intake) = (try ScratchFolder(), try ScratchFolder(), Intake())
        func settings(_ folder: ScratchFolder) -> SpoolSettings {
            SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 1000, tailBytes: 0, retention: .seconds(-10))
        }
        func refuse(_ spool: Spool) async {
            let refusing = UsageShipper(spool: spool, logger: Logger(label: "test")) { _ in throw EnrolmentError(.refused, "status 413") }
            for _ in 1...3 { await #expect(throws: EnrolmentError.self) { _ = try await refusing.shipOnce() } }
        }
        let stand = try await SpoolStand(settings(folder), in: folder)
        try await stand.serve(30)
        let segments = try folder.files(".seg")
        #expect(segments.count > 2)
        await refuse(stand.spool)
        #expect(try folder.files(".seg") == segments)
        for file in try folder.files("").filter({ $0 == "cursor" || segments.contains($0) }) { try copy.write(try folder.bytes(file), to: file) }
        try await stand.spool.close()
        let next = try await SpoolStand(settings(copy), in: copy)
        await refuse(next.spool)
        try await shipper(next, intake).drain()
        #expect(intake.records.map(\.sequence) == Array(1...30))
        #expect(try copy.files(".seg").allSatisfy { !segments.contains($0) })
        try await next.spool.close()
    }

    @Test("segments go only when they are acknowledged and old enough")
    func retention() async throws {
        let (folder, intake) = (try ScratchFolder(), Intake())
        let stand = try await SpoolStand(
            SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 1000, tailBytes: 0, retention: .seconds(-10)))
        try await stand.serve(30)
        #expect(try folder.files(".seg").count > 2)
        try await shipper(stand, intake).drain()
        #expect(try folder.files(".seg").count == 1, "only the segment that is being written stays")
        #expect(intake.records.count == 30)
        try await stand.spool.close()
    }
}
