package import Postgres
import Logging

/// A database that belongs to one test.
package struct TestDatabase: Sendable {
    package let connectionString: String

    package init(connectionString: String) {
        self.connectionString = connectionString
    }

    package func configuration(maximumConnections: Int = 4) -> PostgresConfiguration {
        // A statement waits for a machine on which all other tests run too.
        PostgresConfiguration(
            connectionString: connectionString, applicationName: "test", statementTimeout: .seconds(60), maximumConnections: maximumConnections)
    }

    /// Lends a pool and closes it afterwards.
    @discardableResult
    package func withPool<Answer>(
        _ configuration: PostgresConfiguration? = nil, _ body: (PostgresPool) async throws -> Answer
    ) async throws -> Answer {
        let pool = PostgresPool(configuration: configuration ?? self.configuration(), logger: Logger(label: "test"))
        do {
            let answer = try await body(pool)
            await pool.close()
            return answer
        } catch {
            await pool.close()
            throw error
        }
    }

    static func uniqueName() -> String {
        String(UInt64.random(in: 0...UInt64.max), radix: 36)
    }
}
