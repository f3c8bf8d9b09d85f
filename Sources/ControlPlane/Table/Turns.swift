import Logging
import Postgres
import ServiceLifecycle
import Telemetry

/// What a service does in the background, turn after turn. A turn that fails is told in the log, and what it left is done by the next one.
struct Turns: Sendable {
    private let trouble: Logger.Message
    private let level: Logger.Level
    private let logger: Logger

    /// - Parameter trouble: What the log says of a turn that failed.
    init(_ trouble: Logger.Message, level: Logger.Level = .warning, logger: Logger) {
        self.trouble = trouble
        self.level = level
        self.logger = logger
    }

    /// Until the program stops. While another replica holds the lease nothing is done.
    func run(every pause: Duration, under lease: Lease, _ pool: PostgresPool, _ turn: @escaping @Sendable () async throws -> Void) async {
        await run(every: pause) { if try await lease.acquire(pool) != nil { try await turn() } }
    }

    /// Until the program stops.
    func run(every pause: Duration, _ turn: @escaping @Sendable () async throws -> Void) async {
        await cancelWhenGracefulShutdown { await take(every: pause, turn) }
    }

    /// Until cancellation.
    func take(every pause: Duration, _ turn: () async throws -> Void) async {
        await take(pausing: { _ in pause }, turn)
    }

    /// Until cancellation, which ends a pause at once.
    ///
    /// - Parameter pause: The next pause by how long the turn before it took.
    func take(pausing pause: (Duration) -> Duration, _ turn: () async throws -> Void) async {
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            await once(turn)
            // Cancellation is seen by the loop's condition.
            try? await Task.sleep(for: pause(ContinuousClock.now - begin))
        }
    }

    /// One turn.
    func once(_ turn: () async throws -> Void) async {
        do {
            try await turn()
        } catch {
            guard !Task.isCancelled else { return }
            logger.log(level: level, trouble, metadata: [LogKeys.code: "\(errorCode(error))"])
        }
    }
}
