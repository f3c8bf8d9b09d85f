import Cryptography
import Domain
import Logging
import NIOCore
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite("Routing table puller")
struct TablePullerTests {
    @Test("a refused change makes it ask for the whole table once, and then it goes on from there")
    func asksForWhole() async throws {
        let (press, folder) = (try TablePress(), try ScratchFolder())
        let store = TableStore(directory: folder.path, key: press.key.verifyingKey)
        try store.apply(try press.table(1, try TablePress.workers(1)), now: 0)
        let foreign = try press.table(9, try TablePress.workers(2), since: 8, sent: [:])
        let whole = try press.table(9, try TablePress.workers(2))
        let questions = Mutex<[Int64?]>([])
        let puller = TablePuller(store: store, logger: Logger(label: "test")) { since, _ in
            questions.withLock { $0.append(since) }
            switch since {
            case 1: return .table(foreign)
            case nil: return .table(whole)
            default:
                try await silence()
                return .unchanged
            }
        }
        let running = Task { try await puller.run() }
        try await until { questions.withLock { $0.count } == 3 }
        running.cancel()
        try await running.value
        #expect(questions.withLock { $0 } == [1, nil, 9])
        #expect(store.version == 9)
    }

    @Test("a table whose fleet is held back is not asked for again: the next change wakes the gateway, and a whole table is taken")
    func goesOnFromHeldFleet() async throws {
        let (press, folder) = (try TablePress(), try ScratchFolder())
        let store = TableStore(directory: folder.path, key: press.key.verifyingKey)
        try store.apply(try press.table(1, try TablePress.workers(1)), now: 0)
        let empty = try press.table(2, [:], since: 1, removed: ["worker/w0"])
        let whole = try press.table(3, try TablePress.workers(2))
        let questions = Mutex<[Int64?]>([])
        let puller = TablePuller(store: store, logger: Logger(label: "test")) { since, _ in
            questions.withLock { $0.append(since) }
            switch since {
            case 1: return .table(empty)
            case 2: return .table(whole)
            default:
                try await silence()
                return .unchanged
            }
        }
        let running = Task { try await puller.run() }
        try await until { questions.withLock { $0.count } == 3 }
        running.cancel()
        try await running.value
        #expect(questions.withLock { $0 } == [1, 2, 3])
        #expect(store.current?.workers.count == 2)
    }

    @Test("contact is noted for what is in force only: a table that cannot be proven is no word of the control plane")
    func contact() async throws {
        let (press, folder) = (try TablePress(), try ScratchFolder())
        let store = TableStore(directory: folder.path, key: press.key.verifyingKey)
        let contact = ControlContact(lastNoted: .uptimeNanoseconds(1))
        let answers = Mutex([TableAnswer.table(try TablePress().table(1, [:])), .table(try press.table(1, [:]))])
        let agesBefore = Mutex<[Int]>([])
        let puller = TablePuller(store: store, contact: contact, logger: Logger(label: "test"), backoff: Backoff(first: .zero, cap: .zero)) { _, _ in
            agesBefore.withLock { $0.append(contact.age) }
            guard let answer = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
                try await silence()
                return .unchanged
            }
            return answer
        }
        let running = Task { try await puller.run() }
        try await until { agesBefore.withLock { $0.count } == 3 }
        running.cancel()
        try await running.value
        let ages = agesBefore.withLock { $0 }
        #expect(ages[1] >= ages[0] && ages[0] > 10 && ages[2] < 10)
        #expect(store.version == 1)
    }
}
