package import Logging
import Synchronization

/// A bounded set of connections to one database. Run it as a service; it opens connections when they are asked for.
///
/// Broken connections are thrown away and replaced. While the server is away, callers wait within their acquire deadline and attempts to
/// reconnect are spaced with jitter.
package final class PostgresPool: Sendable {
    package let configuration: PostgresConfiguration
    private let logger: Logger
    private let state: Mutex<PoolState>

    package init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        state = Mutex(PoolState(maximumConnections: configuration.maximumConnections, maximumWaiters: configuration.maximumWaiters))
    }

    /// Closes connections that nobody uses, until the task is cancelled; then closes all.
    package func run() async {
        while !Task.isCancelled {
            // Cancellation is seen by the loop's condition.
            try? await Task.sleep(for: .seconds(10))
            let limit = ContinuousClock.now - configuration.idleTimeout
            for connection in state.withLock({ $0.trim(olderThan: limit) }) {
                await connection.close()
            }
        }
        await close()
    }

    /// Refuses everything from now on; connections in use are closed when they come back.
    package func close() async {
        let (connections, waiters) = state.withLock { $0.close() }
        for waiter in waiters {
            waiter.continuation.resume(throwing: PostgresError.poolClosed)
        }
        for connection in connections {
            await connection.close()
        }
    }

    @discardableResult
    package func query(_ sql: SQL) async throws -> [PostgresRow] {
        try await withConnection { connection in try await connection.query(sql) }
    }

    @discardableResult
    package func queryOne(_ sql: SQL) async throws -> PostgresRow? {
        try await query(sql).first
    }

    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int {
        try await withConnection { connection in try await connection.execute(sql) }
    }

    package func pipeline(_ statements: [SQL]) async throws -> [[PostgresRow]] {
        try await withConnection { connection in try await connection.pipeline(statements) }
    }

    @discardableResult
    package func copyIn(table: [StaticString], columns: [StaticString], rows: [[any SQLBindable]]) async throws -> Int {
        try await withConnection { connection in try await connection.copyIn(table: table, columns: columns, rows: rows) }
    }

    /// Lends a connection for the time of `body`, which must not keep it.
    @discardableResult
    package func withConnection<Answer>(_ body: (PostgresConnection) async throws -> Answer) async throws -> Answer {
        let connection = try await acquire()
        do {
            let answer = try await body(connection)
            await giveBack(connection)
            return answer
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    private func giveBack(_ connection: PostgresConnection) async {
        let isReusable = await connection.isReusable()
        if !isReusable { await connection.close() }
        release(isReusable ? connection : nil)
        if state.withLock({ $0.isClosed }) { await connection.close() }
    }

    private func release(_ connection: PostgresConnection?) {
        let decision = state.withLock { $0.release(connection, now: .now) }
        if case .hand(let waiter, let grant) = decision { waiter.continuation.resume(returning: grant) }
    }

    private func acquire() async throws -> PostgresConnection {
        let deadline = ContinuousClock.now + configuration.acquireTimeout
        var backoff = Backoff()
        while true {
            switch try await grant(until: deadline) {
            case .idle(let connection):
                if await connection.isReusable() { return connection }
                // It died while it lay idle; its place is free for a new one.
                release(nil)
            case .permission:
                if let connection = try await open(deadline, backoff: &backoff) { return connection }
            }
        }
    }

    /// Nil when the attempt failed but there is time for another.
    private func open(_ deadline: ContinuousClock.Instant, backoff: inout Backoff) async throws -> PostgresConnection? {
        do {
            return try await PostgresConnection.connect(configuration)
        } catch {
            release(nil)
            let pause = backoff.next()
            guard ContinuousClock.now + pause < deadline else { throw error }
            logger.debug("Database could not be reached, trying again", metadata: ["error.code": "\(error.code.rawValue)"])
            try await Task.sleep(for: pause)
            return nil
        }
    }

    private func grant(until deadline: ContinuousClock.Instant) async throws -> PoolState.Grant {
        switch state.withLock({ $0.request() }) {
        case .granted(let grant): return grant
        case .refused(let error): throw error
        case .waiting(let number): return try await wait(number, until: deadline)
        }
    }

    private func wait(_ number: UInt64, until deadline: ContinuousClock.Instant) async throws -> PoolState.Grant {
        // Lives until the wait ends, which cancels it.
        let alarm = Task { [weak self] in
            try await Task.sleep(until: deadline, clock: .continuous)
            self?.abandon(number, because: .poolExhausted)
        }
        defer {
            alarm.cancel()
            state.withLock { $0.settle(number) }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { $0.enter(PoolState.Waiter(number: number, continuation: continuation)) }
                if let answer { continuation.resume(with: answer.mapError { $0 as any Error }) }
            }
        } onCancel: {
            abandon(number, because: PostgresError(.cancelled, "the caller gave up"))
        }
    }

    private func abandon(_ number: UInt64, because error: PostgresError) {
        let waiter = state.withLock { $0.abandon(number) }
        waiter?.continuation.resume(throwing: error)
    }
}
