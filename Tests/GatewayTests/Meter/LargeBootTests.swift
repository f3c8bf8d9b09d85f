import Domain
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

/// A boot of many segments: what recovery reads of it and keeps in memory.
@Suite("Recovery of a large boot")
struct LargeBootTests {
    /// Segments that a crashed gateway left: 500 ended requests, and one that was admitted after 400 of them and never ended. Strict, so that
    /// what has been confirmed does not hang on the time that the disk takes.
    private func crashed() async throws -> (folder: ScratchFolder, names: [String], open: Int64) {
        let (folder, copy) = (try ScratchFolder(), try ScratchFolder())
        let settings = SpoolSettings(directory: folder.path, gateway: "gw-1", isStrict: true, segmentBytes: 2000)
        let stand = try await SpoolStand(settings)
        try await stand.serve(400)
        let open = try #require(try await stand.admit(401))
        try await stand.serve(100)
        let names = try folder.files(".seg")
        for name in names { try copy.write(try folder.bytes(name), to: name) }
        try await stand.spool.close()
        return (copy, names, open)
    }

    private func interrupted(_ folder: ScratchFolder) throws -> [Int64] {
        try SpoolReader(directory: folder.path).records().filter { $0.outcome == Outcome.interrupted.rawValue }.map(\.sequence)
    }

    @Test("segments in which nothing can be open are not read, and the open request is closed")
    func readsOnlyWhatIsNeeded() async throws {
        let (folder, names, open) = try await crashed()
        #expect(names.count > 40)
        let old = names.prefix(names.count / 2)
        // Would be noticed as damage if they were read.
        for name in old { try folder.write([UInt8](repeating: 0, count: 4000), to: name) }
        let report = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        #expect(report.interrupted == 1 && report.damagedRegions == 0)
        #expect(report.finals >= 100 && report.finals < 200)
        #expect(try interrupted(folder) == [open])
    }

    @Test("memory grows with open requests, not with ended ones")
    func memory() {
        var admissions = OpenAdmissions(SpoolOrigin(gateway: "gw-1", boot: "b"))
        var most = 0
        for number in 1...20_000 {
            var buffer = ByteBuffer()
            SpoolEncoding.append(SpoolStand.admission(number), sequence: Int64(number), to: &buffer)
            if number % 10_000 != 0 {
                SpoolEncoding.append(SpoolStand.completion(number, sequence: Int64(number)), outcome: .good, to: &buffer)
            }
            _ = SegmentContents(bytes: Array(buffer.readableBytesView)).survey { payload in
                admissions.take(payload)
                most = max(most, admissions.open.count)
            }
        }
        #expect(most <= 2 && admissions.finals == 19_998 && !admissions.isDisordered)
        #expect(admissions.interrupted.map(\.sequence) == [10_000, 20_000])
    }

    @Test("an end counts wherever it stands: after a failed sync the same records are in two segments, and each may be cut")
    func repeatedRecords() throws {
        let folder = try ScratchFolder()
        let boot = "00000000-0000-0000-0000-000000000001"
        func write(_ number: Int, _ records: (inout ByteBuffer) -> Void) throws {
            var buffer = ByteBuffer(bytes: SpoolOrigin(gateway: "gw-1", boot: boot).record)
            records(&buffer)
            try folder.write(Array(buffer.readableBytesView), to: SpoolName(boot: boot, stream: 0, number: number).file)
        }
        try write(1) { buffer in
            SpoolEncoding.append(SpoolStand.admission(1), sequence: 1, to: &buffer)
            SpoolEncoding.append(SpoolStand.completion(1, sequence: 1), outcome: .good, to: &buffer)
            SpoolEncoding.append(SpoolStand.completion(2, sequence: 2), outcome: .good, to: &buffer)
        }
        try write(2) { buffer in
            for sequence in 1...3 { SpoolEncoding.append(SpoolStand.admission(sequence), sequence: Int64(sequence), to: &buffer) }
        }
        #expect(try SpoolRecovery(directory: folder.path, gateway: "gw-1").run().interrupted == 1)
        #expect(try interrupted(folder) == [3])
    }

    @Test("reading begins at the oldest segment with an open request")
    func openSegments() {
        var segments = OpenSegments()
        segments.begin(1)
        segments.admitted(5)
        segments.begin(2)
        segments.admitted(7)
        segments.admitted(9)
        #expect(segments.oldest == 1)
        segments.ended(5)
        #expect(segments.oldest == 2)
        segments.begin(3)
        segments.ended(9)
        #expect(segments.oldest == 2 && !segments.isEmpty)
        segments.ended(7)
        #expect(segments.oldest == 3 && segments.isEmpty)
    }
}
