import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

/// Does not want to know.
private final class Indifferent: MeterWaiter {
    func meterWrote(tag: UInt32, succeeded: Bool) {}
}

/// Records two ends and an admission while it is told of its own.
private final class BusyWaiter: MeterWaiter {
    private let stand: SpoolStand
    private let sequences: [Int64]
    private let done: EventLoopPromise<Bool>

    init(_ stand: SpoolStand, _ sequences: [Int64], _ done: EventLoopPromise<Bool>) {
        self.stand = stand
        self.sequences = sequences
        self.done = done
    }

    func meterWrote(tag: UInt32, succeeded: Bool) {
        let meter = stand.meter.value
        for sequence in sequences {
            meter.finish(SpoolStand.completion(Int(sequence), sequence: sequence), waiter: Indifferent(), tag: 1)
        }
        _ = meter.admit(SpoolStand.admission(9), waiter: WrittenRecord(done), tag: 2)
    }
}

@Suite("Loop meter")
struct LoopMeterTests {
    @Test("what a waiter records while it is told is on disk too")
    func recordedWhileTold() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        let (first, second) = (try #require(try await stand.admit(1)), try #require(try await stand.admit(2)))
        let written = try await stand.loop.flatSubmit {
            let done = stand.loop.makePromise(of: Bool.self)
            let waiter = BusyWaiter(stand, [first, second], done)
            _ = stand.meter.value.admit(SpoolStand.admission(3), waiter: waiter, tag: 0)
            return done.futureResult
        }.get()
        #expect(written)
        try await stand.spool.close()
        let name = try #require(try folder.files(".seg").first)
        var (admissions, ends): ([Int64], [Int64]) = ([], [])
        for record in try SegmentContents.read("\(folder.path)/\(name)").records {
            switch record {
            case .admission(let admission): admissions.append(admission.sequence)
            case .final(let final): ends.append(final.sequence)
            case .segment: break
            }
        }
        #expect(admissions == [1, 2, 3, 4])
        #expect(ends == [first, second])
    }
}
