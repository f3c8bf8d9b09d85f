import Migrations
import Postgres
import TestSupport
import Testing

@Suite struct MigratorTests {
    private static let product = Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) }
    private static let first = MigrationFile(name: "V0001_first", sql: Array("CREATE TABLE a (n int); INSERT INTO a VALUES (1);".utf8))
    private static let second = MigrationFile(name: "V0002_second", sql: Array("ALTER TABLE a ADD COLUMN m int;".utf8))

    @Test func `files run once and in order`() async throws {
        let database = try await PostgresCluster.shared().database()
        let migrator = Migrator(configuration: database.configuration(), files: [Self.first, Self.second])
        #expect(try await migrator.pending() == ["V0001_first", "V0002_second"])
        #expect(try await migrator.migrate() == ["V0001_first", "V0002_second"])
        #expect(try await migrator.migrate() == [])
        #expect(try await migrator.pending() == [])
    }

    @Test func `a file that was changed after it ran is refused`() async throws {
        let database = try await PostgresCluster.shared().database()
        _ = try await Migrator(configuration: database.configuration(), files: [Self.first]).migrate()
        let changed = MigrationFile(name: "V0001_first", sql: Array("CREATE TABLE b (n int);".utf8))
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator(configuration: database.configuration(), files: [changed, Self.second]).migrate()
        }
        #expect(error?.code == .migrationRefused)
    }

    @Test func `the release before works on a newer schema and does not migrate it`() async throws {
        let database = try await PostgresCluster.shared().database()
        _ = try await Migrator(configuration: database.configuration(), files: [Self.first, Self.second]).migrate()
        let older = Migrator(configuration: database.configuration(), files: [Self.first])
        #expect(try await older.pending() == [])
        let error = await #expect(throws: PostgresError.self) { try await older.migrate() }
        #expect(error?.code == .migrationRefused)
    }

    @Test func `a file that ran in place of another is refused`() async throws {
        let database = try await PostgresCluster.shared().database()
        _ = try await Migrator(configuration: database.configuration(), files: [Self.first, Self.second]).migrate()
        let other = MigrationFile(name: "V0002_other", sql: Self.second.sql)
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator(configuration: database.configuration(), files: [Self.first, other]).pending()
        }
        #expect(error?.code == .migrationRefused)
    }

    @Test func `a file that fails leaves nothing behind`() async throws {
        let database = try await PostgresCluster.shared().database()
        let broken = MigrationFile(name: "V0002_broken", sql: Array("CREATE TABLE c (n int); SELECT 1/0;".utf8))
        await #expect(throws: PostgresError.self) {
            try await Migrator(configuration: database.configuration(), files: [Self.first, broken]).migrate()
        }
        #expect(try await Migrator(configuration: database.configuration(), files: [Self.first, Self.second]).migrate() == ["V0002_second"])
        try await database.withPool { pool in
            let row = try await pool.queryOne("SELECT to_regclass('c') IS NULL AS gone")
            #expect(try row?.value("gone") == true)
        }
    }

    @Test func `migrators that start together do the work once`() async throws {
        let database = try await PostgresCluster.shared().database()
        let runs = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask { try await Migrator(configuration: database.configuration(), files: Self.product).migrate() }
            }
            return try await group.reduce(into: [[String]]()) { $0.append($1) }
        }
        #expect(runs.filter { !$0.isEmpty } == [Self.product.map(\.name)])
    }
}
