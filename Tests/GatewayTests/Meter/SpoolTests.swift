import Domain
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

@Suite("Spool")
struct SpoolTests {
    @Test("an ended request is readable as the record that was metered")
    func roundTrip() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(1)
        let record = try #require(try SpoolReader(directory: folder.path).records().first)
        #expect(record.requestId == SpoolStand.admission(1).requestId.description)
        #expect(record.tenant == "t-1" && record.key == "k-1" && record.tier == "pro" && record.model == "mock" && record.region == "eu")
        #expect(record.release == "mock-q4" && record.worker == "w-1" && record.provider == "p-1")
        #expect(record.gateway == "gw-1" && record.boot == stand.spool.boot && record.sequence == 1)
        #expect(record.outcome == "good" && record.status == 200 && record.finishReason == "stop" && record.errorCode == nil)
        #expect(record.firstTokenAfter == 640_000 && record.finishedAfter == 900_000 && record.stream)
        #expect(record.promptTokens == 11 && record.billablePromptTokens == 11 && record.billableCompletionTokens == 5)
        try await stand.spool.close()
    }

    @Test("how a request was routed stands in its record, and what stands there is shipped")
    func routing() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let sequence = try #require(try await stand.admit(1))
        try await stand.loop.flatSubmit {
            let promise = stand.loop.makePromise(of: Bool.self)
            let kept = KeptTrace()
            kept.trace.promptTokens = 7
            stand.meter.value.finish(SpoolStand.completion(1, sequence: sequence), routing: kept, waiter: WrittenRecord(promise), tag: 8)
            return promise.futureResult.map { _ in }
        }.get()
        let record = try #require(try SpoolReader(directory: folder.path).records().first)
        #expect(record.trace?.promptTokens == 7 && record.outcome == "good" && record.priceVersion == nil)
        try await stand.spool.close()
    }

    /// As the release before wrote them: whole segments, byte for byte.
    @Test("segments of the release before are read and shipped, without routing")
    func oldSegments() throws {
        let folder = try ScratchFolder()
        let boot = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
        let payloads = [Self.oldFinal(sequence: 1, flags: 5, behind: [9]), Self.oldFinal(sequence: 2, flags: 5 | 32 | 64, behind: [0, 850_250, 77])]
        let bytes = payloads.reduce(into: SpoolOrigin(gateway: "gw-1", boot: boot).record) { bytes, payload in
            bytes += SpoolEncoding.record(bound: SpoolFormat.headerSize + payload.count) { $0.put(payload) }
        }
        try folder.write(bytes, to: SpoolName(boot: boot, stream: 0, number: 1).file)
        let read = try SpoolReader(directory: folder.path).records()
        #expect(read.map(\.sequence) == [1, 2] && read.map(\.priceVersion) == [9, nil] && read.map(\.leasedFor) == [nil, 77])
        let batch = try SpoolBacklog(directory: folder.path, gateway: "gw-1", liveBoot: "").next(after: SpoolCursor())
        #expect(batch.records == read && batch.damaged == 0 && read.allSatisfy { $0.routing == nil && $0.worker == "w" })
    }

    private static func oldFinal(sequence: UInt8, flags: UInt8, behind: [Int64]) -> [UInt8] {
        var bytes: [UInt8] = [3, sequence] + [UInt8](repeating: 0, count: 31) + [flags] + [UInt8](repeating: 0, count: SpoolNumbers.size)
        bytes += SpoolText.encode(["good", "stop", "", "t", "k", "pro", "m", "eu", "r", "w", "p"])
        for number in behind { withUnsafeBytes(of: number.littleEndian) { bytes += Array($0) } }
        return bytes
    }

    @Test("what one turn of the loop produces is one write")
    func oneWrite() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        _ = try await stand.loop.flatSubmit {
            let promises = (1...50).map { _ in stand.loop.makePromise(of: Bool.self) }
            for (number, promise) in promises.enumerated() {
                _ = stand.meter.value.admit(SpoolStand.admission(number), waiter: WrittenRecord(promise), tag: 0)
            }
            return EventLoopFuture.whenAllSucceed(promises.map(\.futureResult), on: stand.loop)
        }.get()
        #expect(stand.spool.statistics.snapshot.writes == 1)
        #expect(stand.spool.statistics.snapshot.records == 50)
        try await stand.spool.close()
    }

    @Test("a strict spool tells only after the disk has confirmed, and loses nothing at close", arguments: [true, false])
    func strictness(isStrict: Bool) async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", isStrict: isStrict))
        try await stand.serve(20)
        try await stand.spool.close()
        #expect(try SpoolReader(directory: folder.path).records().count == 20)
        #expect(stand.spool.statistics.snapshot.syncFailures == 0)
    }

    @Test("segments rotate at their size and every record is found once")
    func rotation() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(SpoolSettings(directory: folder.path, gateway: "gw-1", segmentBytes: 1000, tailBytes: 0))
        try await stand.serve(20)
        #expect(try folder.files(".seg").count > 3)
        let sequences = try SpoolReader(directory: folder.path).records().map(\.sequence)
        #expect(sequences == Array(1...20))
        try await stand.spool.close()
    }

    @Test("a second process cannot use the same folder")
    func lock() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let error = #expect(throws: MeterError.self) { _ = try Spool(stand.spool.settings) }
        #expect(error?.code == .directoryInUse)
        try await stand.spool.close()
    }
}
