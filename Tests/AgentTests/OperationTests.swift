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

    private func restart(_ id: String = "r", runtime: String = "main", in seconds: Double = 90) -> PlimsollWire.Operation {
        PlimsollWire.Operation(id: id, kind: .restart, deadline: now.addingTimeInterval(seconds), runtime: runtime)
    }

    private func runtime(_ process: String, open: Int = 0, ready: Bool = true) -> [String: RuntimeStanding] {
        ["main": RuntimeStanding(openRequests: open, holding: .ours(process: process), isReady: ready)]
    }

    @Test("a restart lets what is open end, writes down who has to go, and is done when another process is ready")
    func restarts() {
        let ledger = Held(OperationLedger(journal: []))
        let running = OperationJournal.Entry(id: "r", kind: .restart, state: .running, runtime: "main")
        #expect(ledger.receive([restart()], now: now) == [.record(running), .rest(runtime: "main", true)])
        #expect(ledger.receive([restart()], now: now) == [] && ledger.tick(runtimes: runtime("7.1", open: 2), now: now) == [])
        var ordered = running
        ordered.process = "7.1"
        #expect(ledger.tick(runtimes: runtime("7.1"), now: now) == [.record(ordered), .restart(runtime: "main", replacing: "7.1")])
        #expect(ledger.tick(runtimes: runtime("7.1"), now: now) == [] && ledger.tick(runtimes: runtime("", ready: false), now: now) == [])
        #expect(ledger.tick(runtimes: runtime("8.2", ready: false), now: now) == [] && ledger.value.standing == nil)
        let done = OperationJournal.Entry(id: "r", kind: .restart, state: .done)
        #expect(ledger.tick(runtimes: runtime("8.2"), now: now) == [.record(done), .rest(runtime: "main", false)])
        #expect(ledger.unreported.map(\.state) == [.done] && !ledger.value.isRestarting)
    }

    @Test("an agent that was killed in the middle of a restart goes on with it and does not restart twice")
    func resumesRestart() {
        let entry = OperationJournal.Entry(id: "r", kind: .restart, state: .running, runtime: "main", process: "7.1")
        let before = Held(OperationLedger(journal: [entry]))
        #expect(before.receive([restart()], now: now) == [.rest(runtime: "main", true)])
        #expect(before.tick(runtimes: ["main": RuntimeStanding(openRequests: 0, holding: .unknown, isReady: false)], now: now) == [])
        #expect(before.tick(runtimes: runtime("7.1", open: 3), now: now).contains(.restart(runtime: "main", replacing: "7.1")))
        let after = Held(OperationLedger(journal: [entry]))
        _ = after.receive([restart()], now: now)
        let steps = after.tick(runtimes: runtime("8.2"), now: now)
        #expect(!steps.contains { if case .restart = $0 { true } else { false } } && after.unreported.map(\.state) == [.done])
    }

    @Test("a restart fails that cannot be carried out, is second, or is not ready in time; a minute or a third of its time is for what is open")
    func failsRestart() {
        let foreign = Held(OperationLedger(journal: []))
        _ = foreign.receive([restart()], now: now)
        _ = foreign.tick(runtimes: ["main": RuntimeStanding(openRequests: 0, holding: .foreign, isReady: true)], now: now)
        let unknown = Held(OperationLedger(journal: []))
        _ = unknown.receive([restart(runtime: "other")], now: now)
        _ = unknown.tick(runtimes: runtime("7.1"), now: now)
        let late = Held(OperationLedger(journal: []))
        _ = late.receive([restart(), restart("second")], now: now)
        #expect(late.unreported.map(\.id) == ["second"])
        #expect(late.tick(runtimes: runtime("7.1", open: 4), now: now.addingTimeInterval(29)) == [])
        #expect(late.tick(runtimes: runtime("7.1", open: 4), now: now.addingTimeInterval(30)).count == 2)
        let end = late.tick(runtimes: runtime("8.2", ready: false), now: now.addingTimeInterval(90))
        #expect(end.last == .rest(runtime: "main", false))
        for ledger in [foreign, unknown, late] { #expect(ledger.unreported.last?.state == .failed) }
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
    func tick(runtimes: [String: RuntimeStanding], now: Date) -> [OperationLedger.Step] { value.tick(runtimes: runtimes, now: now) }
    func reported(_ ids: Set<String>) { value.reported(ids) }
}
