import Synchronization

/// Ends a pause before its time: who learns something rings, and the loop that waits for it need not look again and again. Every look of an idle
/// agent brings code back into memory that its host's model could use.
final class Wake: Sendable {
    private struct State {
        var isRung = false
        var waiter: SingleAnswer<Void>?
    }

    private let state = Mutex(State())
    /// Who else wants to hear of each ring.
    private let also: (@Sendable () -> Void)?

    init(also: (@Sendable () -> Void)? = nil) { self.also = also }

    func ring() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isRung = true }
            return state.waiter
        }
        waiter?.give(())
        also?()
    }

    /// Waits for a ring, at most `limit`, or for cancellation. A ring that came since the last pause counts. For one waiter at a time.
    func pause(atMost limit: Duration) async {
        let answer = SingleAnswer<Void>()
        let isRung = state.withLock { state in
            if !state.isRung { state.waiter = answer }
            defer { state.isRung = false }
            return state.isRung
        }
        guard !isRung else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await answer.wait() }
            // Cancellation ends the pause; the caller looks.
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.waiter = nil }
    }
}
