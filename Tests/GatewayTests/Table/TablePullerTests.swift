import Cryptography
import Logging
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
}
