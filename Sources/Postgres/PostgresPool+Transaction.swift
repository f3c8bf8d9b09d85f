/// How much of each other concurrent transactions see.
package enum TransactionIsolation: Sendable {
    case readCommitted
    case repeatableRead
    case serializable

    var begin: SQL {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

/// Whether a transaction may be run again after a conflict, which its caller alone can know.
package enum TransactionRepetition: Sendable {
    case once
    /// The body has no effect outside the database. At most five runs, with jittered pauses.
    case repeatable
}

extension PostgresPool {
    /// Commits when `body` returns, rolls back when it throws.
    @discardableResult
    package func transaction<Answer>(
        isolation: TransactionIsolation = .readCommitted, _ repetition: TransactionRepetition = .once,
        _ body: (PostgresConnection) async throws -> Answer
    ) async throws -> Answer {
        var backoff = Backoff(first: .milliseconds(5), greatest: .milliseconds(200))
        var runsLeft = repetition == .repeatable ? 5 : 1
        while true {
            runsLeft -= 1
            do {
                return try await withConnection { connection in try await connection.transaction(isolation: isolation, body) }
            } catch let error as PostgresError where error.isRetryableConflict && runsLeft > 0 {
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}

extension PostgresConnection {
    /// Commits when `body` returns, rolls back when it throws. Never run again.
    @discardableResult
    package nonisolated func transaction<Answer>(
        isolation: TransactionIsolation = .readCommitted, _ body: (PostgresConnection) async throws -> Answer
    ) async throws -> Answer {
        try await execute(isolation.begin)
        do {
            let answer = try await body(self)
            try await execute("COMMIT")
            return answer
        } catch {
            await rollBack()
            throw error
        }
    }
}
