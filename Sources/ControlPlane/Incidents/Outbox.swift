import Logging
import Postgres
import Telemetry

/// How messages to programs of others are brought to them: by one replica at a time, those that are due at once, and each at least once.
struct Outbox: Sendable {
    let pool: PostgresPool
    let lease: Lease
    /// Messages that were tried and are not delivered, and those that were given up.
    let waiting: GaugeMetric
    let dead: GaugeMetric

    /// Until the program stops. Whoever holds the lease tells how many there are.
    func run(_ turns: Turns, _ turn: @escaping @Sendable () async throws -> Void) async {
        await turns.run(every: .seconds(1)) {
            guard try await lease.acquire(pool) == nil else { return try await turn() }
            waiting.set(0)
            dead.set(0)
        }
    }

    /// All at the same time.
    func deliver<Delivery: Sendable>(_ due: [Delivery], _ bring: @escaping @Sendable (Delivery) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for delivery in due { group.addTask { try await bring(delivery) } }
            try await group.waitForAll()
        }
    }
}
