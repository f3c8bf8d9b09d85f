import NIOCore

/// Requests to one runtime that wait a few milliseconds for each other: neither llama.cpp's server nor vLLM can be told to. Everything happens on one
/// loop, whose clock it goes by.
final class Arrivals {
    struct Ticket: Equatable {
        fileprivate let number: UInt64
    }

    private struct Waiter {
        let ticket: Ticket
        let since: NIODeadline
        let goOn: () -> Void
    }

    private let runtime: RuntimeStatus
    private let eventLoop: any EventLoop
    private var group = ArrivalGroup()
    private var waiters: [Waiter] = []
    private var nextTicket: UInt64 = 0
    private var end: (at: NIODeadline, timer: Scheduled<Void>)?

    init(runtime: RuntimeStatus, eventLoop: any EventLoop) {
        self.runtime = runtime
        self.eventLoop = eventLoop
    }

    /// A request is complete, and counted among the runtime's open ones. Nil: it goes on now, and whoever waited for it has gone on. Else `goOn` is
    /// called when its group goes, unless it leaves before.
    func arrive(window: TimeAmount, goOn: @escaping () -> Void) -> Ticket? {
        let now = eventLoop.now
        switch group.arrive(window: window, isAlone: runtime.openRelays <= 1, slots: runtime.slots, now: now) {
        case .goes: return nil
        case .completes:
            release(with: 1, now: now)
            return nil
        case .waits(let until):
            nextTicket += 1
            let ticket = Ticket(number: nextTicket)
            waiters.append(Waiter(ticket: ticket, since: now, goOn: goOn))
            setEnd(until)
            return ticket
        }
    }

    /// Nobody waits for the answer any more. Nothing, when it has gone on.
    func leave(_ ticket: Ticket) {
        guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { return }
        waiters.remove(at: index)
        group.leave()
        if waiters.isEmpty { clearEnd() }
    }

    private func setEnd(_ until: NIODeadline) {
        if let end, end.at == until { return }
        clearEnd()
        let timer: Scheduled<Void> = eventLoop.assumeIsolated().scheduleTask(deadline: until) { [weak self] in self?.timeIsOver() }
        end = (until, timer)
    }

    private func clearEnd() {
        end?.timer.cancel()
        end = nil
    }

    private func timeIsOver() {
        group.release()
        release(with: 0, now: eventLoop.now)
    }

    /// - Parameter more: Requests that go on with them and have not waited.
    private func release(with more: Int, now: NIODeadline) {
        clearEnd()
        let going = waiters
        waiters.removeAll(keepingCapacity: true)
        let waited = going.reduce(TimeAmount.zero) { $0 + (now - $1.since) }
        runtime.noteBatch(requests: going.count + more, waited: .nanoseconds(waited.nanoseconds))
        // None of them is listed any more: what they do may bring the next ones.
        for waiter in going { waiter.goOn() }
    }
}
