import ServiceLifecycle
import Synchronization

/// Wakes tasks that wait for news of a subject. A ring only wakes; what is true must be looked up.
package final class Bells<Subject: Hashable & Sendable>: Sendable {
    private struct State {
        var waiters: [Subject: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var count = 0
        var next: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: Waiters at once; further ones do not wait.
    package init(limit: Int = 50_000) {
        self.limit = limit
    }

    package func ring(_ subject: Subject) {
        let waiters = state.withLock { state in state.waiters[subject].map { Array($0.values) } ?? [] }
        for waiter in waiters { waiter.yield() }
    }

    package func ringAll() {
        let waiters = state.withLock { state in state.waiters.values.flatMap(\.values) }
        for waiter in waiters { waiter.yield() }
    }

    /// Asks `look` until it has an answer, at first at once and then after each ring; nil when the time is over or the program shuts down,
    /// which must not wait for long-polls.
    ///
    /// It listens before it looks, so that a ring in between is not lost.
    package func wait<Answer: Sendable>(
        for subject: Subject, atMost time: Duration, look: () async throws -> Answer?
    ) async throws -> Answer? {
        guard let (number, rings) = listen(to: subject) else { return try await look() }
        defer { leave(number, subject) }
        let deadline = ContinuousClock.now + time
        return try await withGracefulShutdownHandler {
            while true {
                if let answer = try await look() { return answer }
                guard await Self.nextRing(rings, before: deadline) else { return nil }
            }
        } onGracefulShutdown: {
            self.leave(number, subject)
        }
    }

    private static func nextRing(_ rings: AsyncStream<Void>, before deadline: ContinuousClock.Instant) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await rings.first { true } != nil }
            group.addTask {
                // Cancelled when a ring came first.
                try? await Task.sleep(until: deadline, clock: .continuous)
                return false
            }
            let rang = await group.next() ?? false
            group.cancelAll()
            return rang && !Task.isCancelled
        }
    }

    private func listen(to subject: Subject) -> (UInt64, AsyncStream<Void>)? {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> UInt64? in
            guard state.count < limit else { return nil }
            state.next += 1
            state.count += 1
            state.waiters[subject, default: [:]][state.next] = continuation
            return state.next
        }
        return number.map { ($0, stream) }
    }

    private func leave(_ number: UInt64, _ subject: Subject) {
        let continuation = state.withLock { state -> AsyncStream<Void>.Continuation? in
            let continuation = state.waiters[subject]?.removeValue(forKey: number)
            if state.waiters[subject]?.isEmpty == true { state.waiters[subject] = nil }
            if continuation != nil { state.count -= 1 }
            return continuation
        }
        continuation?.finish()
    }
}
