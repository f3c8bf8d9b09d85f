import Cryptography
import Domain
package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Stores usage records, each once although gateways send them at least once. What it answered is committed.
package struct UsageIntake: Sendable {
    package static let maximumRecords = 1_000

    private let pool: PostgresPool

    /// - Parameter pool: Of the billing room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// A record that can be stored, with its ids as values and the hash that tells whether it is the same as before.
    struct Arrival {
        var record: UsageRecord
        var key: UsageKey
        var hash: [UInt8]
        var keyId: UUID
        var gateway: UUID
    }

    struct UsageKey: Hashable {
        var tenant: UUID
        var request: UUID
    }

    /// Kept for a person, with the reason.
    struct Quarantined {
        var record: UsageRecord
        var hash: [UInt8]
        var reason: String
    }

    package func store(_ batch: UsageBatch, from gateway: UUID, at moment: Date = Date()) async throws -> IntakeResponse {
        guard batch.records.count <= Self.maximumRecords else { throw PeerRefusal(.tooLarge, "at most 1,000 records at once") }
        var sorted = try UsageSorting(batch.records, at: moment)
        let arrivals = sorted.arrivals.sorted {
            ($0.key.tenant.uuidString, $0.key.request.uuidString) < ($1.key.tenant.uuidString, $1.key.request.uuidString)
        }
        let early = sorted
        sorted = try await pool.transaction(.repeatable) { connection in
            var sorted = early
            let fresh = try await claim(connection, arrivals)
            if !fresh.isEmpty {
                try await connection.execute(UsageColumns(fresh).statement)
                try await storeRouting(connection, fresh)
            }
            let freshKeys = Set(fresh.map(\.key))
            sorted.add(again: arrivals.filter { !freshKeys.contains($0.key) }, known: try await known(connection, arrivals, except: freshKeys))
            try await setAside(connection, sorted.quarantined, gateway: gateway)
            return sorted
        }
        return IntakeResponse(
            stored: arrivals.count - sorted.repeated, duplicates: sorted.duplicates, quarantined: sorted.quarantined.count)
    }

    /// Of two transactions with the same key the second waits for the first, so that exactly one of them stores the record.
    private func claim(_ connection: PostgresConnection, _ arrivals: [Arrival]) async throws -> [Arrival] {
        guard !arrivals.isEmpty else { return [] }
        let rows = try await connection.query(
            """
            INSERT INTO billing.usage_key (tenant_id, request_id, kind, payload_sha256, accepted_at)
            SELECT key.tenant_id, key.request_id, 'final', key.hash, to_timestamp(key.accepted_at / 1000000.0)
            FROM unnest(\(arrivals.map(\.key.tenant))::uuid[], \(arrivals.map(\.key.request))::uuid[], \(arrivals.map(\.hash))::bytea[],
                \(arrivals.map(\.record.acceptedAt))::bigint[]) AS key (tenant_id, request_id, hash, accepted_at)
            ON CONFLICT DO NOTHING RETURNING tenant_id, request_id
            """)
        let claimed = Set(try rows.map { UsageKey(tenant: try $0.value("tenant_id"), request: try $0.value("request_id")) })
        return arrivals.filter { claimed.contains($0.key) }
    }

    /// In the transaction of the records, so that each has its own, once.
    private func storeRouting(_ connection: PostgresConnection, _ arrivals: [Arrival]) async throws {
        let routed = arrivals.compactMap { arrival in arrival.record.storableRouting.map { (arrival.key.request, $0) } }
        guard !routed.isEmpty else { return }
        try await connection.execute(
            """
            INSERT INTO billing.request_routing (request_id, routing)
            SELECT row.id, row.routing FROM unnest(\(routed.map(\.0))::uuid[], \(routed.map(\.1))::bytea[]) AS row (id, routing)
            """)
    }

    private func known(_ connection: PostgresConnection, _ arrivals: [Arrival], except fresh: Set<UsageKey>) async throws -> [UsageKey: [UInt8]] {
        let again = arrivals.filter { !fresh.contains($0.key) }
        guard !again.isEmpty else { return [:] }
        let rows = try await connection.query(
            """
            SELECT known.tenant_id, known.request_id, known.payload_sha256 FROM billing.usage_key AS known
            JOIN unnest(\(again.map(\.key.tenant))::uuid[], \(again.map(\.key.request))::uuid[]) AS key (tenant_id, request_id)
                USING (tenant_id, request_id)
            WHERE known.kind = 'final'
            """)
        return Dictionary(
            try rows.map { (UsageKey(tenant: try $0.value("tenant_id"), request: try $0.value("request_id")), try $0.value("payload_sha256")) },
            uniquingKeysWith: { first, _ in first })
    }

    private func setAside(_ connection: PostgresConnection, _ records: [Quarantined], gateway: UUID) async throws {
        guard !records.isEmpty else { return }
        let payloads = try records.map { String(decoding: try WireCoder.encode($0.record.bounded), as: UTF8.self) }
        try await connection.execute(
            """
            INSERT INTO billing.usage_quarantine (gateway_id, reason, request_id, payload_sha256, payload)
            SELECT \(gateway), aside.reason, aside.request_id, aside.hash, aside.payload
            FROM unnest(\(records.map(\.reason))::text[], \(records.map { String($0.record.requestId.prefix(128)) })::text[],
                \(records.map(\.hash))::bytea[], \(payloads)::jsonb[]) AS aside (reason, request_id, hash, payload)
            ON CONFLICT DO NOTHING
            """)
    }
}
