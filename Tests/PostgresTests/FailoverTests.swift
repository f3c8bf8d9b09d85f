import Postgres
import TestSupport
import Testing

@Suite struct FailoverTests {
    @Test func `the next of several hosts is used when one is away`() async throws {
        let database = try await PostgresCluster.shared().database()
        var configuration = database.configuration()
        configuration.connectionString = configuration.connectionString.replacing("host=", with: "host=/nowhere,")
        try await database.withPool(configuration) { pool in try await pool.execute("CREATE TABLE t (n int)") }
    }

    @Test func `a server that takes no writes is not used`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { pool in
            try await pool.execute(
                """
                DO $$ BEGIN
                    EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
                END $$
                """)
        }
        var configuration = database.configuration()
        configuration.acquireTimeout = .milliseconds(100)
        try await database.withPool(configuration) { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
            #expect(error?.code == .connectionFailed)
        }
    }

    @Test func `a caller that asks while the server restarts is served after it`() async throws {
        let cluster = try await PostgresCluster.start()
        let database = TestDatabase(connectionString: cluster.connectionString(database: "postgres"))
        var configuration = database.configuration()
        configuration.acquireTimeout = .seconds(30)
        try await database.withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (n int)")
            try await cluster.stopServer()
            async let waiting = pool.execute("INSERT INTO t VALUES (1)")
            try await cluster.startServer()
            #expect(try await waiting == 1)
        }
        try await cluster.stopServer()
    }

    @Test func `a connection that the server ended is replaced before anybody notices`() async throws {
        let database = try await PostgresCluster.shared().database()
        try await database.withPool { observer in
            try await database.withPool(database.configuration(maximumConnections: 1)) { pool in
                let first: Int? = try await pool.queryOne("SELECT pg_backend_pid() AS pid")?.value("pid")
                try await observer.execute("SELECT pg_terminate_backend(\(first)::int)")
                let alive: SQL = "SELECT count(*) AS n FROM pg_stat_activity WHERE pid = \(first)::int"
                while try await observer.queryOne(alive)?.value("n") != 0 { await Task.yield() }
                let second: Int? = try await pool.queryOne("SELECT pg_backend_pid() AS pid")?.value("pid")
                #expect(second != nil && second != first)
            }
        }
    }
}
