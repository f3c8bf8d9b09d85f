import Postgres
import TestSupport
import Testing

@Suite struct FrozenServerTests {
    @Test(.timeLimit(.minutes(1))) func `a caller that gives up is not held by a frozen server`() async throws {
        let cluster = try await PostgresCluster.start()
        let database = TestDatabase(connectionString: cluster.connectionString(database: "postgres"))
        try await database.withPool { pool in
            let running = Task { try await pool.execute("SELECT pg_sleep(60) /* sleeper */") }
            let sleepers: SQL = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%sleeper%' AND pid <> pg_backend_pid()"
            while try await pool.queryOne(sleepers)?.value("n") != 1 { await Task.yield() }
            let frozen = try await FrozenServer(pool)
            defer { frozen.thaw() }
            let began = ContinuousClock.now
            running.cancel()
            let error = await #expect(throws: PostgresError.self) { try await running.value }
            #expect(error?.code == .connectionLost)
            // Without it the wait would be as long as the server stays frozen.
            #expect(ContinuousClock.now - began < .seconds(15))
        }
        try await cluster.stopServer()
    }
}
