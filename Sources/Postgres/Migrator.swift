/// One forward step of the schema.
package struct MigrationFile: Sendable {
    /// `V0001_what`: the number orders, the text says what it does.
    package let name: String
    package let sql: [UInt8]

    package init(name: String, sql: [UInt8]) {
        self.name = name
        self.sql = sql
    }
}

/// Brings a schema forward. Each file runs in a transaction of its own; an advisory lock lets one migrator work at a time.
///
/// Files that ran are frozen: one that was changed, or is missing from the list, stops everything before anything runs.
package struct Migrator: Sendable {
    /// `plimsoll` in ASCII.
    private static let lock: Int64 = 0x706C_696D_736F_6C6C

    private let configuration: PostgresConfiguration
    private let files: [MigrationFile]

    /// Statements of migrations may run ten minutes; waiting for another migrator or a lock ends after one.
    package init(configuration: PostgresConfiguration, files: [MigrationFile]) {
        var configuration = configuration
        configuration.role = nil
        configuration.statementTimeout = .seconds(600)
        configuration.lockTimeout = .seconds(60)
        self.configuration = configuration
        self.files = files
    }

    /// Runs what has not run yet and returns its names. `each` hears of every file before it runs.
    package func migrate(_ each: (String) -> Void = { _ in }) async throws -> [String] {
        try checkOrder()
        let connection = try await PostgresConnection.connect(configuration)
        _ = try await connection.query("SELECT pg_advisory_lock(\(Self.lock))")
        // The lock ends with the connection, whatever happens.
        let pending = try await prepare(connection)
        for file in pending {
            each(file.name)
            try await run(file, on: connection)
        }
        await connection.close()
        return pending.map(\.name)
    }

    /// Names of files that have not run; the schema is ready for this program when there are none. Files of a later release may have run too:
    /// they are made so that this one goes on working.
    package func pending() async throws -> [String] {
        try checkOrder()
        let connection = try await PostgresConnection.connect(configuration)
        let exists: SQL = "SELECT to_regclass('public.schema_migration') IS NOT NULL AS found"
        guard try await connection.queryOne(exists)?.value("found") == true else { return files.map(\.name) }
        let names = try await compare(connection, allowsLater: true).map(\.name)
        await connection.close()
        return names
    }

    private func prepare(_ connection: PostgresConnection) async throws -> [MigrationFile] {
        try await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS public.schema_migration (
                name text CONSTRAINT schema_migration_pkey PRIMARY KEY,
                sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        return try await compare(connection)
    }

    private func compare(_ connection: PostgresConnection, allowsLater: Bool = false) async throws -> [MigrationFile] {
        let rows = try await connection.query("SELECT name, sha256 FROM public.schema_migration ORDER BY name")
        for (index, row) in rows.enumerated() {
            let name: String = try row.value("name")
            if allowsLater, index >= files.count { break }
            guard index < files.count, files[index].name == name else {
                throw PostgresError(.migrationRefused, "migration \(name) ran before and is not in this program's list at its place")
            }
            guard try await checksum(files[index], connection) == row.value("sha256") else {
                throw PostgresError(.migrationRefused, "migration \(name) was changed after it ran")
            }
        }
        return Array(files.dropFirst(rows.count))
    }

    private func run(_ file: MigrationFile, on connection: PostgresConnection) async throws {
        let sum = try await checksum(file, connection)
        do {
            try await connection.transaction { connection in
                try await connection.executeScript(String(decoding: file.sql, as: UTF8.self))
                try await connection.execute("INSERT INTO public.schema_migration (name, sha256) VALUES (\(file.name), \(sum))")
            }
        } catch let error as PostgresError {
            throw PostgresError(.migrationRefused, "migration \(file.name) failed and left nothing behind", sqlState: error.sqlState, cause: error)
        }
    }

    private func checksum(_ file: MigrationFile, _ connection: PostgresConnection) async throws -> String {
        let row = try await connection.queryOne("SELECT encode(sha256(\(file.sql)::bytea), 'hex') AS sum")
        guard let row else { throw PostgresError.lost }
        return try row.value("sum")
    }

    private func checkOrder() throws {
        for (index, file) in files.enumerated() {
            let number = String(index + 1)
            let prefix = "V" + String(repeating: "0", count: max(0, 4 - number.count)) + number + "_"
            guard file.name.hasPrefix(prefix) else {
                throw PostgresError(.migrationRefused, "migration \(file.name) is out of order: \(prefix)… is expected here")
            }
        }
    }
}
