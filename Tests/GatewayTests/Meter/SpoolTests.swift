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
