import Synchronization

struct DeadlinePassed: Error {
    let waitedFor: String
}

/// A value that tests wait on: what changes it wakes those whose condition holds now.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var nextId = 0
        var waiting: [Int: (condition: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Value?, Never>)] = [:]
    }

    private let state: Mutex<State>

    init(_ value: Value) {
        state = Mutex(State(value: value))
    }

    var value: Value { state.withLock { $0.value } }

    func change(_ change: (inout Value) -> Void) {
        let woken = state.withLock { state -> [(CheckedContinuation<Value?, Never>, Value)] in
            change(&state.value)
            let value = state.value
            let met = state.waiting.filter { $0.value.condition(value) }
            for id in met.keys { state.waiting[id] = nil }
            return met.values.map { ($0.continuation, value) }
        }
        for (continuation, value) in woken { continuation.resume(returning: value) }
    }

    /// The value once the condition holds; throws `DeadlinePassed`.
    @discardableResult
    func wait(_ what: String, within limit: Duration = .seconds(20), until condition: @escaping @Sendable (Value) -> Bool) async throws -> Value {
        let id = state.withLock { state in
            state.nextId += 1
            return state.nextId
        }
        let deadline = Task {
            try await Task.sleep(for: limit)
            self.state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume(returning: nil)
        }
        defer { deadline.cancel() }
        let met = await withCheckedContinuation { continuation in
            let now = state.withLock { state -> Value? in
                if condition(state.value) { return state.value }
                state.waiting[id] = (condition, continuation)
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
        guard let met else { throw DeadlinePassed(waitedFor: what) }
        return met
    }
}
