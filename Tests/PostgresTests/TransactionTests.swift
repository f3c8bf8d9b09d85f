import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    private struct Refusal: Error {}

    @Test func `what threw is rolled back`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            await #expect(throws: Refusal.self) {
                try await pool.transaction { connection in
                    try await connection.execute("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
            }
            try await pool.transaction { connection in try await connection.execute("INSERT INTO t VALUES (2)") }
            #expect(try await pool.query("SELECT n FROM t").map { try $0.value("n", as: Int.self) } == [2])
        }
    }

    @Test func `a connection with an open transaction does not go back into the pool`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
            try await pool.withConnection { connection in
                try await connection.execute("BEGIN")
                try await connection.execute("CREATE TABLE t (n int)")
            }
            let row = try await pool.queryOne("SELECT to_regclass('t') IS NULL AS gone")
            #expect(try row?.value("gone") == true)
        }
    }

    @Test func `serialization failures are run again when the caller allows it`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            try await pool.execute("INSERT INTO t VALUES (0)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await pool.transaction(isolation: .serializable, .repeatable) { connection in
                            let n: Int = try await connection.queryOne("SELECT n FROM t")?.value("n") ?? 0
                            try await connection.execute("UPDATE t SET n = \(n + 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.queryOne("SELECT n FROM t")?.value("n") == 3)
        }
    }

    @Test func `a conflict is thrown when the caller does not allow repeating`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            try await pool.execute("INSERT INTO t VALUES (0)")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction(isolation: .repeatableRead) { connection in
                    try await connection.query("SELECT n FROM t")
                    try await pool.execute("UPDATE t SET n = 1")
                    try await connection.execute("UPDATE t SET n = 2")
                }
            }
            #expect(error?.code == .serializationFailure)
        }
    }
}
