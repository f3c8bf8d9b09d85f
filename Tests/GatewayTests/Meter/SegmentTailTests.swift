import Dispatch
import Domain
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import PlimsollWire
import Testing

@testable import Gateway

/// A killed process is a copy of its folder: all that it had handed to the kernel, and nothing more.
@Suite("Records that wait for the next sync")
struct SegmentTailTests {
    private func killed(_ folder: ScratchFolder) throws -> ScratchFolder {
        let copy = try ScratchFolder()
        for name in try folder.files("") { try copy.write(folder.bytes(name), to: name) }
        return copy
    }

    private func unhurried(_ folder: ScratchFolder, tailBytes: Int = 64 << 10) -> SpoolSettings {
        SpoolSettings(directory: folder.path, gateway: "gw-1", syncDelay: .hours(1), tailBytes: tailBytes)
    }

    private func recover(_ folder: ScratchFolder) throws -> SpoolRecovery.Report {
        try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
    }

    private func sequences(_ folder: ScratchFolder) throws -> [Int64] { try SpoolReader(directory: folder.path).records().map(\.sequence) }

    /// Admissions and ends as they stand in the segments.
    private func records(_ folder: ScratchFolder) throws -> Int {
        try folder.files(".seg").reduce(0) {
            try $0 + SegmentContents.read("\(folder.path)/\($1)").records.count { if case .segment = $0 { false } else { true } }
        }
    }

    private func tail(_ folder: ScratchFolder) throws -> String { try #require(try folder.files(".tail").first) }

    @Test("what stands in no segment yet when the process is killed is in one after the next start, once")
    func killedBetweenSyncs() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder))
        try await stand.serve(3)
        _ = try await stand.admit(4)
        #expect(stand.spool.statistics.snapshot.writes == 0)
        let after = try killed(folder)
        #expect(try sequences(after).isEmpty)
        let report = try recover(after)
        #expect(report.finals == 3 && report.interrupted == 1 && report.damagedRegions == 0 && report.tornTails == 0)
        #expect(try sequences(after).sorted() == [1, 2, 3, 4])
        #expect(try records(after) == 8)
        #expect(try after.files(".tail").isEmpty)
        try await stand.spool.close()
        #expect(try folder.files(".tail").count == 1, "a request was open: the next start looks")
    }

    @Test("a kill while the tail is brought into the segment loses nothing and doubles nothing", arguments: [0, 1, 100, 10_000])
    func killedWhileEmptied(written: Int) async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder))
        try await stand.serve(3)
        let after = try killed(folder)
        let (segment, tail) = (try #require(try after.files(".seg").first), try tail(after))
        let contents = try #require(try SegmentTail.read("\(after.path)/\(tail)"))
        try after.write(after.bytes(segment) + contents.bytes.prefix(written), to: segment)
        let again = try killed(after)
        for state in [after, again] {
            #expect(try recover(state).finals == 3)
            #expect(try sequences(state) == [1, 2, 3])
            #expect(try records(state) == 6)
        }
        try await stand.spool.close()
    }

    @Test("a tail of before a power cut adds nothing that its segment has, and hides nothing that it has not")
    func stale() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder, tailBytes: 1_500))
        try await stand.serve(1)
        let name = try tail(folder)
        let early = try folder.bytes(name)
        try await stand.serve(10)
        let after = try killed(folder)
        try after.write(early, to: name)
        #expect(try recover(after).interrupted <= 1, "what stood in the tail at the end is lost, and at most one request hung over")
        let kept = try sequences(after)
        #expect(kept.first == 1 && kept == Array(1...Int64(kept.count)))

        let torn = try killed(folder)
        let segment = try #require(try torn.files(".seg").first)
        let length = try #require(try SegmentTail.read("\(torn.path)/\(name)")).place.length
        try torn.write(torn.bytes(segment).prefix(length - 20) + [UInt8](repeating: 0, count: 200), to: segment)
        let report = try recover(torn)
        #expect(report.damagedRegions == 1)
        #expect(try sequences(torn).last == 11, "the power cut took the end of the segment, not the tail")
        try await stand.spool.close()
    }

    @Test("half a record at the end of a tail is none: its waiter was not told")
    func halfRecord() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder))
        try await stand.serve(2)
        let (after, name) = (try killed(folder), try tail(folder))
        let whole = try #require(try SegmentTail.read("\(folder.path)/\(name)")).bytes.count
        var bytes = try after.bytes(name)
        bytes[16 + whole - 3] ^= 0xff
        try after.write(bytes, to: name)
        let report = try recover(after)
        #expect(report.finals == 1 && report.interrupted == 1 && report.damagedRegions == 0)
        try await stand.spool.close()
    }

    @Test("a tail without room goes to its segment at once")
    func overflow() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder, tailBytes: 1_000))
        try await stand.serve(50)
        let writes = stand.spool.statistics.snapshot.writes
        #expect(writes > 5 && writes < 50, "\(writes)")
        let after = try killed(folder)
        #expect(try recover(after).interrupted == 0)
        #expect(try sequences(after) == Array(1...50))
        #expect(try records(after) == 100)
        try await stand.spool.close()
        #expect(try folder.files(".tail").isEmpty)
    }

    @Test("segments are rotated, and the tail goes with them")
    func rotation() async throws {
        let folder = try ScratchFolder()
        var settings = unhurried(folder, tailBytes: 1_000)
        settings.segmentBytes = 1_500
        let stand = try await SpoolStand(settings)
        try await stand.serve(50)
        #expect(try folder.files(".seg").count > 3)
        let after = try killed(folder)
        #expect(try recover(after).interrupted == 0)
        #expect(try sequences(after) == Array(1...50))
        try await stand.spool.close()
    }

    @Test("memory behind which the file is gone refuses, and the process lives: records are written at once from then on")
    func lostFile() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(unhurried(folder))
        try await stand.serve(2)
        #expect(truncate("\(folder.path)/\(try tail(folder))", 0) == 0)
        try await stand.serve(3)
        #expect(stand.spool.statistics.snapshot.loopsRefusing == 0)
        #expect(stand.spool.statistics.snapshot.writes > 3)
        try await stand.spool.close()
        #expect(try sequences(folder) == [1, 2, 3, 4, 5])
        #expect(try folder.files(".closed").count == 1)
    }

    /// The one thread that syncs is kept busy: a sync has begun and does not end, as on a disk that does not answer.
    @Test("while the disk does not answer records go on being kept in memory that outlives the process, and none waits for a write")
    func stuckDisk() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", syncDelay: .milliseconds(1)))
        let answered = DispatchSemaphore(value: 0)
        defer { answered.signal() }
        stand.spool.syncPool.submit { _ in answered.wait() }
        try await stand.serveAtOnce(1)
        try await until { stand.spool.statistics.snapshot.writes == 1 }
        for _ in 0..<10 { try await stand.serveAtOnce(500) }
        #expect(stand.spool.statistics.snapshot.writes == 1)
        let after = try killed(folder)
        let kept = try #require(try SegmentTail.read("\(after.path)/\(try tail(after))")).bytes.count
        #expect(kept > 1 << 20, "a second of traffic: \(kept)")
        #expect(try recover(after).interrupted == 0)
        #expect(try records(after) == 10_002)
        answered.signal()
        try await stand.spool.close()
        #expect(try records(folder) == 10_002)
        #expect(stand.spool.statistics.snapshot.syncFailures == 0)
    }
}
