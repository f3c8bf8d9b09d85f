import FoundationEssentials
import Postgres

/// Keys with which the installation probes its own public endpoints: what they ask has usage records and is no customer's.
enum ProbeKeys {
    /// Those that were revoked, too: their records stay.
    static func read(_ serving: PostgresPool) async throws -> [UUID] {
        try await serving.query("SELECT id FROM serving.api_keys WHERE purpose = 'probe'").map { try $0.value("id") }
    }

    /// True for rows of which the key is none of these.
    static func isNone(of keys: [UUID], _ key: SQL) -> SQL { "(\(key) <> ALL(\(keys)::uuid[]))" }
}
