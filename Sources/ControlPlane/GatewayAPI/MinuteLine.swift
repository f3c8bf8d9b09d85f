import Postgres
import Synchronization

/// Batches that wait until those before them are merged: all that wait are merged at once then, so that the sums of a minute change a few times and not
/// once for each gateway.
final class MinuteLine: Sendable {
    /// Counters that are merged at once.
    private static let most = 500_000
    /// With so many a merge takes so long that it pays to wait for those of other gateways, which tell within a second of each other: a sum that a later
    /// merge changes once more costs what it cost the first time.
    private static let many = 5_000
    private static let longPatience = Duration.milliseconds(2_500)
    /// So long nobody has come when all have.
    private static let lull = Duration.milliseconds(100)

    private struct Waiter {
        var told: MinuteMerge.Told
        var continuation: CheckedContinuation<Int, any Error>
    }

    private struct State {
        var waiting: [Waiter] = []
        var isMerging = false
        /// Batches that are being read.
        var coming = 0
        /// When one came last.
        var cameAt = ContinuousClock.now

        /// How long more are waited for; nil: no longer.
        func patience(_ usual: Duration) -> Duration? {
            let counters = waiting.reduce(0) { $0 + $1.told.count }
            guard counters < MinuteLine.most else { return nil }
            if counters < MinuteLine.many { return coming > 0 ? usual : nil }
            return coming > 0 || ContinuousClock.now - cameAt < MinuteLine.lull ? max(usual, MinuteLine.longPatience) : nil
        }

        /// Empty: nobody waits.
        mutating func next() -> [Waiter] {
            var (count, rows) = (0, 0)
            while count < waiting.count, count == 0 || rows + waiting[count].told.count <= MinuteLine.most {
                rows += waiting[count].told.count
                count += 1
            }
            defer { waiting.removeFirst(count) }
            isMerging = count > 0
            return Array(waiting.prefix(count))
        }
    }

    /// How often is looked whether all that come are there.
    private static let step = Duration.milliseconds(10)

    private let merge: MinuteMerge
    private let state = Mutex(State())

    private let patience: Duration

    init(pool: PostgresPool, patience: Duration) {
        merge = MinuteMerge(pool: pool)
        self.patience = patience
    }

    var coming: Int { state.withLock { $0.coming } }
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// How many counters were newer than what was known. All of them are committed when it returns.
    func store(_ told: MinuteMerge.Told) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let isFirst = state.withLock { state in
                state.waiting.append(Waiter(told: told, continuation: continuation))
                defer { state.isMerging = true }
                return !state.isMerging
            }
            // Whoever has told something waits for it; one of them that goes away must not end it for the others.
            if isFirst { Task { await mergeAll() } }
        }
    }

    /// What is read now is stored right after that: to be merged with it costs much less than to be merged after it.
    func reading<Batch>(_ read: () async throws -> Batch) async rethrows -> Batch {
        state.withLock { state in
            state.coming += 1
            state.cameAt = .now
        }
        defer { state.withLock { $0.coming -= 1 } }
        return try await read()
    }

    private func gather() async {
        let began = ContinuousClock.now
        // No task cancels this one: that the sleep may throw means nothing.
        while let patience = state.withLock({ $0.patience(patience) }), .now - began < patience { try? await Task.sleep(for: Self.step) }
    }

    private func mergeAll() async {
        while true {
            await gather()
            let group = state.withLock { $0.next() }
            if group.isEmpty { return }
            await merge(group)
        }
    }

    private func merge(_ group: [Waiter]) async {
        do {
            let counts = try await merge.store(group.map(\.told))
            for (waiter, count) in zip(group, counts) { waiter.continuation.resume(returning: count) }
        } catch let error as PostgresError where error.isAboutValues && group.count > 1 {
            // One of them has what the schema does not allow: the others have not.
            for waiter in group { await merge([waiter]) }
        } catch {
            for waiter in group { waiter.continuation.resume(throwing: error) }
        }
    }
}
