import Glibc
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

/// The descriptor of the live segment is made a pipe: what is written to it is gone, and its sync fails, as when a disk loses pages.
@Suite("Spool on a disk that does not confirm")
struct FailedSyncTests {
    private func breakSegment(_ path: String) throws -> Int32 {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        try OpenFile.replace(path, by: ends[1])
        return ends[0]
    }

    @Test("what a failed sync left unconfirmed is written to the next segment", arguments: [false, true])
    func rewritten(isStrict: Bool) async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(
            SpoolSettings(directory: folder.path, gateway: "gw-1", syncDelay: .milliseconds(200), isStrict: isStrict))
        let first = try #require(try folder.files(".seg").first)
        let reader = try breakSegment("\(folder.path)/\(first)")
        defer { close(reader) }
        try await stand.serve(3)
        try await until { stand.spool.statistics.snapshot.syncFailures == 1 }
        try await stand.serve(2)
        try await stand.spool.close()
        let names = try folder.files(".seg")
        #expect(names.count == 2)
        #expect(try SegmentContents.read("\(folder.path)/\(first)").records.count == 1, "only the head: the rest was lost")
        #expect(try SpoolReader(directory: folder.path).records().map(\.sequence) == [1, 2, 3, 4, 5])
        #expect(stand.spool.statistics.snapshot.syncFailures == 1)
        #expect(try folder.files(".closed").count == 1, "all was confirmed in the end")
    }

    @Test("a record that was told as written waits for the disk when the next segment cannot be begun either")
    func rescued() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", syncDelay: .seconds(4)))
        let first = try #require(try folder.files(".seg").first)
        let reader = try breakSegment("\(folder.path)/\(first)")
        defer { close(reader) }
        // The name of the next segment is taken, so that it cannot be created.
        let next = first.replacing("00000001", with: "00000002")
        try folder.write([], to: next)
        // All of it before the sync that fails, which is the end of what this segment takes.
        try await stand.serveAtOnce(3)
        try await until { try SpoolReader(directory: folder.path).records().count == 3 }
        #expect(stand.spool.statistics.snapshot.writeFailures == 1, "the next segment could not be begun")
        try await stand.spool.close()
        #expect(try SpoolReader(directory: folder.path).records().map(\.sequence) == [1, 2, 3])
    }
}
