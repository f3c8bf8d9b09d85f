import Testing

@testable import SimulatedRuntime

@Suite struct SlotTableTests {
    @Test func requestBeyondTheSlotsWaitsAndStartsWhenOneLeaves() throws {
        var table = SlotTable(slots: 1, kvTokens: 100, cap: nil)
        let first = try #require(table.arrive(tokens: 10).ticket)
        let second = try #require(table.arrive(tokens: 10).ticket)
        #expect(table.running == 1)
        #expect(table.waiting == 1)
        #expect(table.leave(first) == [second])
        #expect(table.waiting == 0)
    }

    @Test func requestWaitsWhileTheCacheIsFull() throws {
        var table = SlotTable(slots: 4, kvTokens: 100, cap: nil)
        let big = try #require(table.arrive(tokens: 90).ticket)
        #expect(table.arrive(tokens: 20).isQueued)
        #expect(table.leave(big).count == 1)
        #expect(table.kvUsed == 20)
    }

    @Test func capCountsWaitingAndRunning() {
        var table = SlotTable(slots: 1, kvTokens: 100, cap: 2)
        #expect(table.arrive(tokens: 1).ticket != nil)
        #expect(table.arrive(tokens: 1).isQueued)
        #expect(table.arrive(tokens: 1) == .refused)
    }

    @Test func waitingRequestThatLeavesTakesNoSlot() throws {
        var table = SlotTable(slots: 1, kvTokens: 100, cap: nil)
        let first = try #require(table.arrive(tokens: 1).ticket)
        let second = try #require(table.arrive(tokens: 1).ticket)
        #expect(table.leave(second).isEmpty)
        #expect(table.leave(first).isEmpty)
        #expect(table.running == 0)
    }
}

extension SlotTable.Arrival {
    var ticket: SlotTable.Ticket? {
        switch self {
        case .started(let ticket), .queued(let ticket): ticket
        case .refused: nil
        }
    }

    var isQueued: Bool {
        if case .queued = self { true } else { false }
    }
}
