import Postgres
import TestSupport
import Testing

@Suite struct PoolTests {
    @Test func `values of every type come back as they were bound`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            let text = "O'Reilly \"quoted\" \\ {a,b} \t\n ü"
            let row = try #require(
                await pool.queryOne(
                    """
                    SELECT \(42)::bigint AS number, \(true)::boolean AS flag, \(1.5)::float8 AS ratio, \(text)::text AS text,
                        \([UInt8](0...255))::bytea AS bytes, \([text, ""])::text[] AS texts, \(nil as String?)::text AS nothing
                    """))
            #expect(try row.value("number") == Int64(42))
            #expect(try row.value("flag") == true)
            #expect(try row.value("ratio") == 1.5)
            #expect(try row.value("text") == text)
            #expect(try row.value("bytes") == [UInt8](0...255))
            #expect(try row.value("texts") == [text, ""])
            #expect(try row.value("nothing") == String?.none)
        }
    }

    @Test func `a column that is missing, null or of another type is an error`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            let row = try #require(await pool.queryOne("SELECT 'x' AS text, NULL::text AS nothing"))
            #expect(throws: PostgresError.self) { try row.value("text", as: Int.self) }
            #expect(throws: PostgresError.self) { try row.value("nothing", as: String.self) }
            #expect(throws: PostgresError.self) { try row.value("absent", as: String.self) }
        }
    }

    @Test func `a value is never part of the statement`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            let hostile = "'; DROP TABLE x; --"
            let row = try await pool.queryOne("SELECT length(\(hostile)) AS length")
            #expect(try row?.value("length") == hostile.utf8.count)
        }
    }

    @Test func `errors carry a state and no value`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT \("marker-7f3a")::uuid") }
            #expect(error?.code == .invalidData)
            #expect(error?.sqlState == "22P02")
            #expect(!"\(String(reflecting: error))".contains("marker-7f3a"))
        }
    }

    @Test func `no more connections are opened than allowed`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 2)) { pool in
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        let sql: SQL = """
                            SELECT count(*) AS n FROM pg_stat_activity, (SELECT pg_sleep(0.01)) AS pause
                            WHERE datname = current_database() AND backend_type = 'client backend'
                            """
                        return try await pool.queryOne(sql)?.value("n") ?? 0
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(counts.count == 12)
            #expect(counts.allSatisfy { $0 <= 2 })
        }
    }

    @Test func `waiting for a connection ends at the deadline`() async throws {
        let database = try await PostgresCluster.shared().database()
        var configuration = database.configuration(maximumConnections: 1)
        configuration.acquireTimeout = .milliseconds(50)
        try await database.withPool(configuration) { pool in
            try await pool.withConnection { _ in
                let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
                #expect(error?.code == .poolExhausted)
            }
            try await pool.execute("SELECT 1")
        }
    }

    @Test func `a caller above the bound of waiters is refused at once`() async throws {
        let database = try await PostgresCluster.shared().database()
        var configuration = database.configuration(maximumConnections: 1)
        configuration.maximumWaiters = 0
        try await database.withPool(configuration) { pool in
            try await pool.withConnection { _ in
                let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
                #expect(error?.code == .poolExhausted)
            }
        }
    }

    @Test func `a cancelled wait gives its place back`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
            try await pool.withConnection { _ in
                let waiting = Task { try await pool.execute("SELECT 1") }
                waiting.cancel()
                await #expect(throws: (any Error).self) { try await waiting.value }
            }
            try await pool.execute("SELECT 1")
        }
    }

    @Test func `a closed pool refuses`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            await pool.close()
            let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
            #expect(error?.code == .poolClosed)
        }
    }
}
