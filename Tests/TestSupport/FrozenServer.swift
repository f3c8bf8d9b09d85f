package import Postgres
import Glibc

/// A PostgreSQL server whose processes are stopped: it keeps its connections and answers nothing. Only for a server of a test's own.
package struct FrozenServer: Sendable {
    private let processes: [pid_t]

    /// Stops the postmaster before its children, so that it starts no others.
    package init(_ pool: PostgresPool) async throws {
        let rows = try await pool.query(
            """
            SELECT process.pid FROM (
                SELECT 0 AS place, split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer AS pid
                UNION ALL SELECT 1, pid FROM pg_stat_activity) AS process
            ORDER BY process.place
            """)
        processes = try rows.map { try $0.value("pid", as: Int32.self) }
        for process in processes { kill(process, SIGSTOP) }
    }

    package func thaw() {
        for process in processes { kill(process, SIGCONT) }
    }
}
