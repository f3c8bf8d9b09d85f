import Glibc
import Logging
import PlimsollWire
import Testing

@testable import Gateway

@Suite("Spool backlog")
struct SpoolBacklogTests {
    /// A segment of three ended requests, with zeros in front of what follows its head.
    private func damagedSegment(_ zeros: Int, in copy: ScratchFolder) async throws -> String {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        try await stand.spool.close()
        let name = try #require(try folder.files(".seg").first)
        let bytes = try folder.bytes(name)
        let head = bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            _ = scan.next()
            return scan.position
        }
        try copy.write(bytes[..<head] + [UInt8](repeating: 0, count: zeros) + bytes[head...], to: name)
        return stand.spool.boot
    }

    private func ship(_ backlog: SpoolBacklog) throws -> (sequences: [Int64], damaged: Int, cursor: SpoolCursor) {
        var (sequences, damaged, cursor): ([Int64], Int, SpoolCursor) = ([], 0, SpoolCursor())
        for _ in 0..<50 {
            let batch = try backlog.next(after: cursor)
            guard batch.scanned > 0 else { break }
            sequences += batch.records.map(\.sequence)
            damaged += batch.damaged
            cursor = batch.cursor
        }
        return (sequences, damaged, cursor)
    }

    @Test(
        "damage longer than one piece is passed over, counted once, and the records behind it are shipped",
        arguments: [100, SpoolBacklog.byteLimit, SpoolBacklog.byteLimit * 3 + 17], [true, false])
    func longDamage(zeros: Int, isLive: Bool) async throws {
        let folder = try ScratchFolder()
        let boot = try await damagedSegment(zeros, in: folder)
        let found = try ship(SpoolBacklog(directory: folder.path, gateway: "gw-1", liveBoot: isLive ? boot : "another"))
        #expect(found.sequences == [1, 2, 3])
        #expect(found.damaged == 1)
    }

    @Test("a gateway alone removes segments after their retention, but never the one that is being written")
    func expired() async throws {
        let folder = try ScratchFolder()
        let settings = SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 1000, tailBytes: 0, retention: .seconds(-10))
        let stand = try await SpoolStand(settings)
        try await stand.serve(30)
        let many = try folder.files(".seg").count
        let upkeep = StandaloneUpkeep(spool: stand.spool, logger: .init(label: "test"))
        #expect(try await upkeep.tidy() == many - 1)
        #expect(try folder.files(".seg").count == 1)
        #expect(try await stand.spool.takeMinutes().isEmpty, "nobody else takes them here")
        try await stand.serve(1)
        try await stand.spool.close()
    }

    @Test("a gateway alone keeps segments until their retention is over")
    func kept() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 1000, tailBytes: 0))
        try await stand.serve(30)
        #expect(try await StandaloneUpkeep(spool: stand.spool, logger: .init(label: "test")).tidy() == 0)
        #expect(try SpoolReader(directory: folder.path).records().count == 30)
        try await stand.spool.close()
    }
}
