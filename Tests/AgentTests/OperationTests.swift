import Cryptography
import FoundationEssentials
import Glibc
import PlimsollWire
import Testing

@testable import Agent

@Suite("Operations take effect once")
struct OperationTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func operation(_ id: String, _ kind: OperationKind, in seconds: Double = 60) -> PlimsollWire.Operation {
        PlimsollWire.Operation(id: id, kind: kind, deadline: now.addingTimeInterval(seconds))
    }

    @Test("a drain is journaled before it takes effect, and is done when nothing is open")
    func drains() {
        let ledger = Held(OperationLedger(journal: []))
        let running = OperationJournal.Entry(id: "a", kind: .drain, state: .running)
        #expect(ledger.receive([operation("a", .drain)], now: now) == [.record(running), .obey(.drain)])
        #expect(ledger.tick(openRequests: 1, now: now) == [])
        #expect(ledger.unreported.isEmpty)
        #expect(ledger.tick(openRequests: 0, now: now) == [.record(OperationJournal.Entry(id: "a", kind: .drain, state: .done))])
        #expect(ledger.unreported == [OperationResults.Result(id: "a", state: .done)])
    }

    @Test("delivered again after its end: no effect, but its result is reported once more")
    func reportsAgain() {
        let ledger = Held(OperationLedger(journal: [OperationJournal.Entry(id: "a", kind: .resume, state: .done)]))
        #expect(ledger.receive([operation("a", .resume)], now: now) == [])
        #expect(ledger.unreported == [OperationResults.Result(id: "a", state: .done)])
        ledger.reported(["a"])
        #expect(ledger.unreported.isEmpty)
    }

    @Test("a drain's deadline cuts what is open")
    func cutsAtDeadline() {
        let ledger = Held(OperationLedger(journal: []))
        _ = ledger.receive([operation("a", .drain, in: 5)], now: now)
        #expect(ledger.tick(openRequests: 3, now: now.addingTimeInterval(4)) == [])
        #expect(ledger.tick(openRequests: 3, now: now.addingTimeInterval(5)).first == .cutOpenRequests)
        #expect(ledger.unreported.first?.message == "3 requests were cut at the deadline")
    }

    @Test("a resume supersedes a running drain; a late operation has no effect")
    func supersedes() {
        let ledger = Held(OperationLedger(journal: []))
        _ = ledger.receive([operation("a", .drain)], now: now)
        let steps = ledger.receive([operation("b", .resume)], now: now)
        #expect(steps.contains(.obey(.resume)))
        #expect(ledger.unreported.map(\.state) == [.superseded, .done])
        let late = ledger.receive([operation("c", .drain, in: -1)], now: now)
        #expect(!late.contains(.obey(.drain)))
        #expect(ledger.unreported.last?.state == .expired)
    }

    @Test("a drain that ran when the agent died goes on after its start")
    func resumesDrain() {
        let ledger = Held(OperationLedger(journal: [OperationJournal.Entry(id: "a", kind: .drain, state: .running)]))
        #expect(ledger.standing == .drain)
        #expect(ledger.receive([operation("a", .drain)], now: now).contains(.obey(.drain)))
        #expect(!ledger.tick(openRequests: 0, now: now).isEmpty)
    }

    @Test("the journal keeps all whole lines of a file whose tail is torn", arguments: 1...40)
    func survivesTornTail(cut: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/journal"
        let entries = (0..<3).map { OperationJournal.Entry(id: "op-\($0)", kind: .drain, state: .done) }
        let journal = try OperationJournal(path: path)
        for entry in entries { try journal.record(entry) }
        let bytes = try SecretFile.read(path)
        #expect(truncate(path, off_t(bytes.count - cut)) == 0)
        let again = try OperationJournal(path: path)
        #expect(again.entries == Array(entries.prefix(2)))
        try again.record(entries[2])
        #expect(try OperationJournal(path: path).entries == entries)
    }

    @Test("a line that a full disk cut in the middle takes none with it that is written later", .enabled(if: geteuid() == 0))
    func survivesFullDisk() throws {
        let folder = try TemporaryFolder()
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=8k") == 0)
        defer { umount2(folder.path, Int32(MNT_DETACH)) }
        let long = OperationJournal.Entry(id: "long", kind: .drain, state: .done, message: String(repeating: "x", count: 3_000))
        let short = OperationJournal.Entry(id: "short", kind: .resume, state: .done)
        let journal = try OperationJournal(path: folder.path + "/journal")
        try journal.record(long)
        var later = long
        later.id = "later"
        try journal.record(later)
        later.id = "cut"
        #expect(throws: AgentError.self) { try journal.record(later) }
        try journal.record(short)
        #expect(try OperationJournal(path: folder.path + "/journal").entries.map(\.id) == ["long", "later", "short"])
    }

    @Test("the journal is bounded, and the last state of an operation counts")
    func isBounded() throws {
        let bytes = try (0..<1_500).flatMap { try OperationJournal.line(OperationJournal.Entry(id: "\($0)", kind: .drain, state: .running)) }
        let last = try OperationJournal.line(OperationJournal.Entry(id: "1499", kind: .drain, state: .done))
        let parsed = OperationJournal.parse(bytes + last)
        #expect(parsed.entries.count == OperationJournal.capacity)
        #expect(parsed.entries.last?.state == .done)
        #expect(parsed.good == bytes.count + last.count)
    }
}

extension Held where Value == OperationLedger {
    func receive(_ operations: [PlimsollWire.Operation], now: Date) -> [OperationLedger.Step] { value.receive(operations, now: now) }
    func tick(openRequests: Int, now: Date) -> [OperationLedger.Step] { value.tick(openRequests: openRequests, now: now) }
    func reported(_ ids: Set<String>) { value.reported(ids) }
}
