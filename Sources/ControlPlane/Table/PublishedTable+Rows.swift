import Cryptography
import FoundationEssentials
import Postgres

extension PublishedTable {
    /// Brings this copy up to the newest version: reads what is newer, and everything when that does not fit what is here.
    mutating func refresh(_ rows: (SQL) async throws -> [PostgresRow]) async throws {
        let before = (version, digestHex)
        try await advance(rows)
        guard (version, digestHex) != before, version < before.0 || !isWhole else { return }
        // A database that was restored from a backup goes on from an older version, and may have overtaken this copy since.
        self = PublishedTable()
        try await advance(rows)
    }

    /// The entries are those that were signed.
    private var isWhole: Bool { TableDigest.digest(current).hex == digestHex }

    /// One statement, so that version, signature and entries belong together.
    private mutating func advance(_ rows: (SQL) async throws -> [PostgresRow]) async throws {
        let answer = try await rows(
            """
            SELECT newest.version, extract(epoch FROM newest.issued_at)::bigint AS issued_at, newest.digest, newest.signature,
                greatest(
                    (SELECT max(old.version) FROM serving.routing_table_version AS old WHERE old.issued_at < now() - interval '7 days'),
                    (SELECT max(jump.version) FROM serving.routing_table_version AS jump WHERE jump.follows < jump.version - 1), 0) AS horizon,
                entry.key, entry.value, entry.version AS entry_version
            FROM (SELECT * FROM serving.routing_table_version ORDER BY version DESC LIMIT 1) AS newest
            LEFT JOIN serving.routing_table_entry AS entry ON entry.version > \(version)
            """)
        guard let first = answer.first else { return }
        let newest: Int64 = try first.value("version")
        for row in answer {
            guard let key = try row.value("key", as: String?.self) else { continue }
            entries[key] = Entry(value: try row.value("value"), version: try row.value("entry_version"))
        }
        version = newest
        issuedAtSeconds = try first.value("issued_at")
        digestHex = Hex.encode(try first.value("digest", as: [UInt8].self))
        signatureBase64 = Base64.encode(try first.value("signature", as: [UInt8].self))
        horizon = try first.value("horizon")
        entries = entries.filter { $0.value.value != nil || $0.value.version > horizon }
    }
}
