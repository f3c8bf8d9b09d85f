import Domain
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

/// Damage is made on copies of a segment, as a kill between two writes or a bad disk leaves it.
@Suite("Spool recovery")
struct SpoolRecoveryTests {
    /// The segment that three served requests and one open one leave, and its name.
    private func segment() async throws -> (name: String, bytes: [UInt8]) {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        try await stand.serve(3)
        _ = try await stand.admit(4)
        try await stand.spool.close()
        let name = try #require(try folder.files(".seg").first)
        return (name, try folder.bytes(name))
    }

    private func recover(_ bytes: [UInt8], _ name: String) throws -> (report: SpoolRecovery.Report, sequences: [Int64], outcomes: [String]) {
        let folder = try ScratchFolder()
        try folder.write(bytes, to: name)
        let report = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        let records = try SpoolReader(directory: folder.path).records()
        return (report, records.map(\.sequence), records.map(\.outcome))
    }

    /// Hundreds of recoveries wait for the disk, on a thread of the pool on which all tests run, of which there are as many as processors. With two such tests nobody
    /// else got on for longer than a gateway waits for a head and a client for its answer.
    private func letOthers() async { await Task.yield() }

    /// Ends of the whole records of a segment.
    private func boundaries(_ bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            var ends: [Int] = []
            while case .record(let payload) = scan.next() { ends.append(payload.upperBound) }
            return ends
        }
    }

    @Test("an admission without an end is closed as interrupted, once, and bills nothing")
    func interrupted() async throws {
        let (name, bytes) = try await segment()
        let folder = try ScratchFolder()
        try folder.write(bytes, to: name)
        let first = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        let second = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        #expect(first.interrupted == 1 && first.finals == 3 && first.tornTails == 0 && first.damagedRegions == 0)
        #expect(second == SpoolRecovery.Report())
        let last = try #require(try SpoolReader(directory: folder.path).records().last)
        #expect(last.sequence == 4 && last.outcome == "bad:interrupted" && last.billablePromptTokens == 0 && last.billableCompletionTokens == 0)
        #expect(last.requestId == SpoolStand.admission(4).requestId.description && last.tenant == "t-1")
    }

    @Test(
        "of a request that was interrupted the first choice is known, as its admission told it, if there was one",
        arguments: [nil, 9_000_000] as [Int64?], [true, false])
    func interruptedRouting(_ deadline: Int64?, isPlaced: Bool) async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        var admission = SpoolStand.admission(1)
        admission.batchDeadline = deadline
        try await stand.loop.flatSubmit { [admission] in
            let promise = stand.loop.makePromise(of: Bool.self)
            let kept = KeptTrace()
            kept.trace.promptTokens = 7
            if isPlaced {
                var choice = RoutingChoice()
                choice.consider(RoutingChoice.Candidate(worker: 3, role: .drawn, price: 0, cost: 1, mark: WorkerMark(of: "w-3")))
                choice.take(3)
                kept.trace.note(choice)
            }
            _ = stand.meter.value.admit(admission, routing: kept, waiter: WrittenRecord(promise), tag: 7)
            return promise.futureResult.map { _ in }
        }.get()
        try await stand.spool.close()
        let report = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        let record = try #require(try SpoolReader(directory: folder.path).records().first)
        #expect(report.interrupted == 1 && record.outcome == "bad:interrupted")
        #expect(record.trace?.promptTokens == (isPlaced ? 7 : nil))
        #expect(record.batchDeadline == deadline && record.priceVersion == nil)
    }

    @Test("a batch request that was interrupted is still one of a batch")
    func interruptedBatch() async throws {
        let folder = try ScratchFolder()
        let stand = try await SpoolStand(folder)
        var admission = SpoolStand.admission(1)
        admission.batchDeadline = 900_000_000
        _ = try #require(try await stand.admit(admission))
        _ = try #require(try await stand.admit(2))
        try await stand.spool.close()
        _ = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        let records = try SpoolReader(directory: folder.path).records().sorted { $0.sequence < $1.sequence }
        #expect(records.map(\.outcome) == ["bad:interrupted", "bad:interrupted"])
        #expect(records.map(\.batchDeadline) == [900_000_000, nil] && records.allSatisfy { $0.stream })
    }

    @Test("a recovery that was killed before it was done closes nothing twice")
    func repeatedRecovery() async throws {
        let (name, bytes) = try await segment()
        let folder = try ScratchFolder()
        try folder.write(bytes, to: name)
        _ = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        let mark = try #require(try folder.files(".closed").first)
        let written = try folder.files(".seg")
        let copy = try ScratchFolder()
        for file in written { try copy.write(try folder.bytes(file), to: file) }
        let again = try SpoolRecovery(directory: copy.path, gateway: "gw-1").run()
        #expect(again.interrupted == 0 && again.finals == 4)
        #expect(try copy.files(".closed") == [mark])
        #expect(try SpoolReader(directory: copy.path).records().count == 4)
    }

    @Test("a segment cut at any byte keeps every record before the cut, and every admission gets its end")
    func cutAnywhere() async throws {
        let (name, bytes) = try await segment()
        let ends = boundaries(bytes)
        for cut in 0...bytes.count {
            await letOthers()
            let found = try recover(Array(bytes[..<cut]), name)
            let whole = ends.count { $0 <= cut }
            // Records: segment head, then admission and end in turns; an admission whose end was cut off is closed.
            #expect(found.sequences.count == whole / 2, "cut at \(cut)")
            #expect(found.outcomes.count { $0 == "good" } == max(0, whole - 1) / 2, "cut at \(cut)")
            #expect(found.report.tornTails == (cut == 0 || ends.contains(cut) ? 0 : 1), "cut at \(cut)")
        }
    }

    @Test("a flipped bit anywhere costs at most the record it is in, and is noticed")
    func flippedBits() async throws {
        let (name, bytes) = try await segment()
        for position in bytes.indices {
            await letOthers()
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            let found = try recover(damaged, name)
            #expect(found.report.damagedRegions + found.report.tornTails == 1, "bit in byte \(position)")
            #expect(found.outcomes.count { $0 == "good" } >= 2, "bit in byte \(position)")
            #expect(Set(found.sequences).count == found.sequences.count, "bit in byte \(position)")
            #expect(Set(found.sequences).isSubset(of: [1, 2, 3, 4]), "bit in byte \(position)")
        }
    }

    @Test("damage is set aside byte for byte")
    func setAside() async throws {
        let (name, bytes) = try await segment()
        let ends = boundaries(bytes)
        var damaged = bytes
        damaged[ends[1] + 20] ^= 0xff
        let folder = try ScratchFolder()
        try folder.write(damaged, to: name)
        _ = try SpoolRecovery(directory: folder.path, gateway: "gw-1").run()
        #expect(try folder.bytes("damaged/\(name).\(ends[1])") == Array(damaged[ends[1]..<ends[2]]))
        #expect(try folder.bytes(name) == damaged)
    }
}
