import Migrations
import Postgres
import TestSupport
import Testing

@Suite struct SchemaTests {
    private static let files = Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) }

    private func database() async throws -> TestDatabase {
        try await PostgresCluster.shared().database(migrations: Self.files)
    }

    @Test func `the serving role cannot read the bill`() async throws {
        let database = try await database()
        var configuration = database.configuration()
        configuration.role = "plimsoll_serving"
        try await database.withPool(configuration) { pool in
            try await pool.query("SELECT count(*) FROM serving.tenants")
            let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT count(*) FROM billing.usage_event") }
            #expect(error?.code == .permissionDenied)
        }
    }

    @Test(arguments: ["UPDATE audit.entry SET actor = 'x'", "DELETE FROM audit.entry", "TRUNCATE audit.entry"] as [SQL])
    func `audit rows cannot be changed`(_ statement: SQL) async throws {
        try await database().withPool { pool in
            try await pool.execute("SELECT audit.append('a', 'create', 'tenant', '1', NULL, '{}')")
            let error = await #expect(throws: PostgresError.self) { try await pool.execute(statement) }
            #expect(error?.code == .permissionDenied)
        }
    }

    @Test func `the audit chain is whole under concurrent writers, and a change by force is found`() async throws {
        try await database().withPool { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask { try await pool.execute("SELECT audit.append('a', 'create', 'tenant', \(String(number)), NULL, '{}')") }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.queryOne("SELECT audit.first_break() AS broken")?.value("broken") == Int64?.none)
            try await pool.transaction { connection in
                try await connection.execute("ALTER TABLE audit.entry DISABLE TRIGGER ALL")
                try await connection.execute("UPDATE audit.entry SET subject_id = 'other' WHERE sequence = 7")
            }
            #expect(try await pool.queryOne("SELECT audit.first_break() AS broken")?.value("broken") == Int64(7))
        }
    }

    @Test func `partitions are made ahead, dropped by age, and never when young`() async throws {
        try await database().withPool { pool in
            let count: SQL = "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'billing.usage_event'::regclass"
            #expect(try await pool.queryOne(count)?.value("n") == 6)
            try await pool.execute("SELECT upkeep.ensure_partitions(5)")
            #expect(try await pool.queryOne(count)?.value("n") == 8)
            try await pool.execute("SELECT upkeep.ensure_month('billing.usage_event', '2020-01-01')")
            let dropped = try await pool.queryOne("SELECT upkeep.drop_partitions('billing.usage_event', interval '400 days') AS n")
            #expect(try dropped?.value("n") == 1)
            await #expect(throws: PostgresError.self) {
                try await pool.execute("SELECT upkeep.drop_partitions('billing.usage_event', interval '1 day')")
            }
        }
    }

    @Test func `a tier without a quota cannot be written`() async throws {
        try await database().withPool { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute(
                    """
                    INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes,
                        requests_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds)
                    VALUES ('pro', 'Pro', 'shared', 1, 1000, 1000, 100000, 60, 4, 3600, 1500000)
                    """)
            }
            #expect(error?.code == .notNullViolation)
        }
    }
}
