import Synchronization

/// So many tests at once do what a machine carries a few of: hundreds that each have a database make the server slower than its clients wait, and hundreds of
/// gateways have no time left for requests.
package final class TestTurns: Sendable {
    /// Migrated databases with all that runs on them.
    package static let databases = TestTurns(16)
    /// Gateways with loops of their own, which look at the clock many times a second.
    package static let gateways = TestTurns(48)

    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    @TaskLocal private static var taken: [ObjectIdentifier] = []

    private let state: Mutex<State>

    private init(_ width: Int) {
        state = Mutex(State(free: width))
    }

    /// Waits for a turn, in the order in which was asked. What is within one has it already: else all could wait for each other.
    package func take<Answer>(_ body: () async throws -> Answer) async rethrows -> Answer {
        let name = ObjectIdentifier(self)
        guard !Self.taken.contains(name) else { return try await body() }
        await begin()
        defer { end() }
        return try await Self.$taken.withValue(Self.taken + [name]) { try await body() }
    }

    private func begin() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func end() {
        let next = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return CheckedContinuation<Void, Never>?.none
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
