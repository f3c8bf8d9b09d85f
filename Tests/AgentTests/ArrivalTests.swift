import Exchange
import NIOCore
import NIOEmbedded
import PlimsollWire
import Testing

@testable import Agent

@Suite("Requests that wait for each other, by the clock of their loop")
struct ArrivalTests {
    /// A runtime, and requests to it by number.
    private final class Stand {
        let loop = EmbeddedEventLoop()
        let runtime: RuntimeStatus
        let arrivals: Arrivals
        /// Who has gone on, in order.
        private(set) var gone: [Int] = []

        init(slots: Int = 8) {
            runtime = RuntimeStatus(
                configuration: RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: "/nonexistent"), slots: slots))
            arrivals = Arrivals(runtime: runtime, eventLoop: loop)
        }

        /// It is open from now on.
        @discardableResult
        func arrive(_ number: Int, window: Int64 = 10) -> Arrivals.Ticket? {
            runtime.relayBegan()
            let ticket = arrivals.arrive(window: .milliseconds(window), goOn: { self.gone.append(number) })
            if ticket == nil { gone.append(number) }
            return ticket
        }

        func pass(_ milliseconds: Int64) { loop.advanceTime(by: .milliseconds(milliseconds)) }

        var counts: BatchCounts { runtime.batchCounts }
    }

    @Test("whoever is alone at its runtime goes at once, and who meets another one waits its window")
    func alone() {
        let stand = Stand()
        stand.arrive(1)
        #expect(stand.gone == [1] && stand.counts == BatchCounts())
        stand.arrive(2)
        stand.pass(9)
        #expect(stand.gone == [1])
        stand.pass(1)
        #expect(stand.gone == [1, 2])
        #expect(stand.counts == BatchCounts(groups: 1, requests: 1, waited: .milliseconds(10)))
    }

    @Test("a runtime that is idle again makes nobody wait")
    func idleAgain() {
        let stand = Stand()
        stand.arrive(1)
        stand.runtime.relayEnded(failed: false)
        stand.arrive(2)
        #expect(stand.gone == [1, 2] && stand.counts == BatchCounts())
    }

    @Test("the first who waits sets the time for all, and they go on together in the order in which they came")
    func together() {
        let stand = Stand()
        stand.arrive(1)
        stand.arrive(2)
        stand.pass(4)
        stand.arrive(3)
        stand.pass(5)
        stand.arrive(4)
        #expect(stand.gone == [1])
        stand.pass(1)
        #expect(stand.gone == [1, 2, 3, 4])
        #expect(stand.counts == BatchCounts(groups: 1, requests: 3, waited: .milliseconds(10 + 6 + 1)))
        stand.arrive(5)
        stand.pass(9)
        #expect(stand.gone.count == 4, "the next group has a time of its own")
        stand.pass(1)
        #expect(stand.gone == [1, 2, 3, 4, 5] && stand.counts.groups == 2)
    }

    @Test("nobody waits longer than its own window after the first of them came")
    func shorterWindow() {
        let stand = Stand()
        stand.arrive(1)
        stand.arrive(2, window: 20)
        stand.pass(4)
        stand.arrive(3, window: 5)
        #expect(stand.gone == [1])
        stand.pass(1)
        #expect(stand.gone == [1, 2, 3])
        stand.arrive(4, window: 20)
        stand.pass(8)
        stand.arrive(5, window: 5)
        #expect(stand.gone == [1, 2, 3, 4, 5], "its time was over when it came")
        stand.pass(25)
        #expect(stand.gone.count == 5 && stand.counts.groups == 2)
    }

    @Test("as many as the runtime has slots go at once")
    func full() {
        let stand = Stand(slots: 3)
        for number in 1...3 { stand.arrive(number) }
        #expect(stand.gone == [1])
        stand.arrive(4)
        #expect(stand.gone == [1, 2, 3, 4])
        #expect(stand.counts == BatchCounts(groups: 1, requests: 3, waited: .zero))
    }

    @Test("a runtime of one slot takes nobody together")
    func oneSlot() {
        let stand = Stand(slots: 1)
        for number in 1...3 { stand.arrive(number) }
        #expect(stand.gone == [1, 2, 3] && stand.counts == BatchCounts())
    }

    @Test("who is given up while it waits never goes on, and the others do")
    func leaves() throws {
        let stand = Stand(slots: 4)
        stand.arrive(1)
        let second = try #require(stand.arrive(2))
        stand.arrive(3)
        stand.arrivals.leave(second)
        stand.arrive(4)
        #expect(stand.gone == [1], "there is room for one more")
        stand.pass(10)
        #expect(stand.gone == [1, 3, 4])
        stand.arrivals.leave(second)
        let fifth = try #require(stand.arrive(5))
        stand.arrivals.leave(fifth)
        stand.pass(6)
        stand.arrive(6)
        stand.pass(9)
        #expect(stand.gone == [1, 3, 4], "a group that was left by all is none")
        stand.pass(1)
        #expect(stand.gone == [1, 3, 4, 6])
        #expect(stand.counts.groups == 2 && stand.counts.requests == 3)
    }
}
