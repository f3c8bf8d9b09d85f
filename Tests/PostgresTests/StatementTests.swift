import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite struct StatementTests {
    @Test func `instants keep their microseconds`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            for seconds in [0, 1_771_000_000.123456, -86_400.5, 951_782_400, 4_102_444_799.999999] {
                let date = Date(timeIntervalSince1970: seconds)
                let row = try #require(
                    await pool.queryOne("SELECT \(date)::timestamptz AS at, extract(epoch FROM \(date)::timestamptz)::float8 AS s"))
                #expect(abs(try row.value("at", as: Date.self).timeIntervalSince1970 - seconds) < 0.000001)
                #expect(abs(try row.value("s", as: Double.self) - seconds) < 0.000001)
            }
        }
    }

    @Test func `a pipeline answers each statement in order`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            let answers = try await pool.pipeline((0..<2_000).map { "SELECT \($0)::int AS n, repeat('x', 200) AS filler" })
            #expect(try answers.map { try $0[0].value("n", as: Int.self) } == Array(0..<2_000))
        }
    }

    @Test func `a pipeline with a fault stores nothing and leaves the connection usable`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
            try await pool.execute("CREATE TABLE t (n int PRIMARY KEY)")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.pipeline(["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"])
            }
            #expect(error?.code == .uniqueViolation)
            #expect(error?.constraint == "t_pkey")
            #expect(try await pool.queryOne("SELECT count(*) AS n FROM t")?.value("n") == 0)
        }
    }

    @Test func `copy loads every row as it is`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            try await pool.execute("CREATE TABLE t (n int, text text, tags text[])")
            let rows: [[any SQLBindable]] = (0..<5_000).map { [$0, $0 % 2 == 0 ? "a\tb\\c\n\($0)" : String?.none, ["x,\($0)", "\"\\"]] }
            #expect(try await pool.copyIn(table: ["t"], columns: ["n", "text", "tags"], rows: rows) == 5_000)
            let row = try #require(await pool.queryOne("SELECT text, tags FROM t WHERE n = \(4_998)"))
            #expect(try row.value("text") == "a\tb\\c\n4998")
            #expect(try row.value("tags") == ["x,4998", "\"\\"])
            #expect(try await pool.queryOne("SELECT count(*) AS n FROM t WHERE text IS NULL")?.value("n") == 2_500)
        }
    }

    @Test func `copy with a wrong row stores nothing`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.copyIn(table: ["t"], columns: ["n"], rows: [[1], ["two"]])
            }
            #expect(error?.code == .invalidData)
            #expect(try await pool.queryOne("SELECT count(*) AS n FROM t")?.value("n") == 0)
        }
    }

    @Test func `a statement that runs too long is ended`() async throws {
        let database = try await PostgresCluster.shared().database()
        var configuration = database.configuration(maximumConnections: 1)
        configuration.statementTimeout = .milliseconds(50)
        try await database.withPool(configuration) { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT pg_sleep(30)") }
            #expect(error?.code == .timeout)
            try await pool.execute("SELECT 1")
        }
    }

    @Test func `a lock that is not granted ends the wait`() async throws {
        let database = try await PostgresCluster.shared().database()
        var configuration = database.configuration(maximumConnections: 2)
        configuration.lockTimeout = .milliseconds(50)
        try await database.withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            try await pool.transaction { connection in
                try await connection.execute("LOCK TABLE t")
                let error = await #expect(throws: PostgresError.self) { try await pool.execute("INSERT INTO t VALUES (1)") }
                #expect(error?.code == .timeout)
                #expect(error?.sqlState == "55P03")
            }
        }
    }

    @Test func `cancelling the task cancels the statement at the server`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool(database.configuration(maximumConnections: 2)) { pool in
            let running = Task { try await pool.execute("SELECT pg_sleep(30) /* sleeper */") }
            let sleepers: SQL =
                "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%sleeper%' AND pid <> pg_backend_pid() AND state = 'active'"
            while try await pool.queryOne(sleepers)?.value("n") != 1 { await Task.yield() }
            running.cancel()
            let error = await #expect(throws: PostgresError.self) { try await running.value }
            #expect(error?.code == .cancelled)
            #expect(try await pool.queryOne(sleepers)?.value("n") == 0)
        }
    }
}
