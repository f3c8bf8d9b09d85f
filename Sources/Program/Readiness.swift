import Synchronization

/// Whether a program wants traffic. Off at start and from the first signal on.
package final class Readiness: Sendable {
    private struct State {
        var reasons: Set<String>
        var isDraining = false
    }

    private let state: Mutex<State>

    /// - Parameter waitingFor: what must happen before the program is ready; each is cleared with `clear`.
    package init(waitingFor: Set<String> = []) {
        state = Mutex(State(reasons: waitingFor))
    }

    package var isReady: Bool {
        state.withLock { !$0.isDraining && $0.reasons.isEmpty }
    }

    package var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Why the program is not ready, in order; empty when it is.
    package var reasons: [String] {
        state.withLock { ($0.isDraining ? ["draining"] : []) + $0.reasons.sorted() }
    }

    package func clear(_ reason: String) {
        state.withLock { _ = $0.reasons.remove(reason) }
    }

    package func block(_ reason: String) {
        state.withLock { _ = $0.reasons.insert(reason) }
    }

    /// There is no way back from draining.
    package func drain() {
        state.withLock { $0.isDraining = true }
    }
}
