package import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// The public log: an append-only tree whose leaves fix tenants' roots, credits and corrections without telling whose they are.
package struct PublicLog: Sendable {
    /// Places in a transaction at which a test can end the program.
    enum Step: Sendable, CaseIterable {
        case locked, added, ended
    }

    /// Facts that become leaves at once.
    private static let batch = 500
    /// Entries that are told at once.
    static let page = 1_000

    /// Of the reliability room.
    let pool: PostgresPool
    var reached: @Sendable (Step) async throws -> Void = { _ in }

    init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Makes leaves of the facts that are not in the log yet, in the order in which they were noted.
    func append() async throws {
        while try await appendBatch() == Self.batch {}
    }

    private func appendBatch() async throws -> Int {
        try await pool.transaction(.repeatable) { connection in
            var end = try await end(connection)
            let rows = try await connection.query(
                """
                SELECT fact.id, fact.kind, fact.leaves, fact.digest, fact.tenant_id::text AS tenant, to_char(fact.month, 'YYYY-MM') AS month, tree.salt
                FROM reliability.evidence_fact AS fact JOIN reliability.evidence_tree AS tree USING (tenant_id, month)
                WHERE fact.position IS NULL ORDER BY fact.id LIMIT \(Self.batch)
                """)
            try await reached(.locked)
            guard !rows.isEmpty else { return 0 }
            var (positions, entries, nodes): ([Int], [String], [(MerkleNode, SHA256Digest)]) = ([], [], [])
            for row in rows {
                let entry = try Self.entry(row)
                positions.append(end.count)
                entries.append(entry.text)
                end.append(entry.hash) { nodes.append(($0, $1)) }
            }
            try await write(positions, entries, nodes, facts: rows.map { try $0.value("id") }, connection)
            try await reached(.added)
            try await connection.execute(
                "UPDATE reliability.evidence_log_end SET size = \(end.count), peaks = \(TenantTree.bytes(end.peaks))")
            try await reached(.ended)
            return rows.count
        }
    }

    private static func entry(_ row: PostgresRow) throws -> PublicLogEntry {
        guard let month = BillingPeriod(try row.value("month", as: String.self)), let digest = SHA256Digest(bytes: try row.value("digest")) else {
            throw PostgresError(.decoding, "a fact that is none")
        }
        let tag = PublicLogEntry.tag(tenant: try row.value("tenant"), month: month, salt: try row.value("salt"))
        return switch try row.value("kind", as: String.self) {
        case "root": PublicLogEntry(tag: tag, month: month, fact: .root(size: try row.value("leaves"), digest))
        case "credit": PublicLogEntry(tag: tag, month: month, fact: .credit(digest))
        default: PublicLogEntry(tag: tag, month: month, fact: .correction(digest))
        }
    }

    private func write(
        _ positions: [Int], _ entries: [String], _ nodes: [(MerkleNode, SHA256Digest)], facts: [Int64], _ connection: PostgresConnection
    ) async throws {
        _ = try await connection.pipeline([
            """
            INSERT INTO reliability.evidence_log (position, entry)
            SELECT * FROM unnest(\(positions)::bigint[], \(entries)::text[])
            """,
            """
            INSERT INTO reliability.evidence_log_node (level, place, hash) SELECT level, place, decode(hash, 'hex')
            FROM unnest(\(nodes.map(\.0.level))::integer[], \(nodes.map(\.0.index))::bigint[], \(nodes.map(\.1.hex))::text[]) AS node (level, place, hash)
            """,
            """
            UPDATE reliability.evidence_fact AS fact SET position = added.position
            FROM unnest(\(facts)::bigint[], \(positions)::bigint[]) AS added (id, position) WHERE fact.id = added.id
            """,
        ])
    }

    /// Locked, so that whoever writes or signs is alone.
    private func end(_ connection: PostgresConnection) async throws -> MerkleFrontier {
        let row = try await connection.queryOne("SELECT size, peaks FROM reliability.evidence_log_end FOR UPDATE")
        guard let row, let end = MerkleFrontier(count: try row.value("size"), peaks: TenantTree.digests(try row.value("peaks"))) else {
            throw PostgresError(.decoding, "the log has no end")
        }
        return end
    }
}

extension PublicLog {
    /// Signs the log's present head, once for each hour. Nothing is signed that was not committed before.
    func sign(_ signer: EvidenceSigner, hour: Int64) async throws {
        try await pool.transaction(.repeatable) { connection in
            let end = try await end(connection)
            let note = try LogCheckpoint(origin: signer.name, size: end.count, root: end.root).note(signedWith: signer.key)
            try await connection.execute(
                """
                INSERT INTO reliability.evidence_checkpoint (hour_at, size, root, note)
                VALUES (to_timestamp(\(hour * 3600)::bigint), \(end.count), \(end.root.bytes), \(note.description)) ON CONFLICT (hour_at) DO NOTHING
                """)
        }
    }

    /// The newest checkpoint, as a note.
    func checkpoint() async throws -> String? {
        try await pool.queryOne("SELECT note FROM reliability.evidence_checkpoint ORDER BY hour_at DESC LIMIT 1")?.value("note")
    }

    /// The oldest checkpoint of a log of at least so many leaves.
    func checkpoint(covering size: Int) async throws -> String? {
        try await pool.queryOne(
            "SELECT note FROM reliability.evidence_checkpoint WHERE size >= \(size) ORDER BY size, hour_at LIMIT 1"
        )?.value("note")
    }

    /// Leaves that the newest checkpoint covers: what is told of the log never goes beyond what was signed.
    func signedSize() async throws -> Int {
        try await pool.queryOne("SELECT coalesce(max(size), 0) AS size FROM reliability.evidence_checkpoint")?.value("size") ?? 0
    }

    /// Texts of leaves.
    func entries(_ range: Range<Int>) async throws -> [String] {
        let rows = try await pool.query(
            """
            SELECT entry FROM reliability.evidence_log WHERE position >= \(range.lowerBound) AND position < \(range.upperBound) ORDER BY position
            """)
        return try rows.map { try $0.value("entry") }
    }

    /// Position of a leaf by its text.
    func inclusion(of position: Int, size: Int) async throws -> [SHA256Digest] {
        try await hashes(MerkleProof.inclusion(position, of: size))
    }

    func consistency(from old: Int, to new: Int) async throws -> [SHA256Digest] {
        try await hashes(MerkleProof.consistency(from: old, to: new))
    }

    /// Hashes of stretches of leaves, out of the stored subtrees: a few rows, however long the log is.
    private func hashes(_ ranges: [Range<Int>]) async throws -> [SHA256Digest] {
        let nodes = Set(ranges.flatMap { MerkleNode.cover($0) })
        let rows = try await pool.query(
            """
            SELECT level, place, hash FROM reliability.evidence_log_node
            WHERE (level, place) IN (SELECT * FROM unnest(\(nodes.map(\.level))::integer[], \(nodes.map(\.index))::bigint[]))
            """)
        var known: [MerkleNode: SHA256Digest] = [:]
        for row in rows {
            known[MerkleNode(level: try row.value("level"), index: try row.value("place"))] = SHA256Digest(bytes: try row.value("hash"))
        }
        return try ranges.map { range in
            guard let hash = MerkleProof.hash(range, { known[$0] }) else { throw PostgresError(.decoding, "the log lacks a subtree") }
            return hash
        }
    }
}

/// Who signs checkpoints and bundles.
package struct EvidenceSigner: Sendable {
    /// The log's name, which is the signer's.
    package let name: String
    package let key: SigningKey
    package let noteKey: NoteKey

    /// Nil when no note could carry the name.
    package init?(trustDomain: String, key: SigningKey) {
        name = "\(trustDomain)/evidence"
        self.key = key
        guard let noteKey = NoteKey(name: name, key: key.verifyingKey) else { return nil }
        self.noteKey = noteKey
    }
}
