import Cryptography
import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// A tenant's key that opens its own months on the public port. Most keys do not: what a tenant pays is not for every program that asks a model.
struct ReportKey: Sendable {
    let tenant: UUID

    /// One answer for every key that does not count here, whatever is wrong with it.
    static let refusal = AdminRefusal(
        .unauthorized, .authentication, code: "invalid_api_key",
        "a key is wanted that may read its tenant's reports (reads_reports); it is missing, unknown, expired, revoked or may not")

    /// - Parameter peer: Address of whoever holds the connection. A key that is bound to addresses must come from one of them.
    static func read(_ headers: HTTPFields, peer: String?, _ serving: PostgresPool) async throws -> ReportKey {
        // Only keys that we made: their checksum keeps guesses away from the database.
        guard let secret = secret(headers), KeyFormat.live.accepts(secret) || KeyFormat.test.accepts(secret) else { throw refusal }
        let hash = Hash.sha256(secret).bytes
        let row = try await serving.queryOne(
            """
            SELECT key.id, key.tenant_id, key.allowed_addresses AS of_key, tenant.allowed_addresses AS of_tenant
            FROM serving.api_keys AS key JOIN serving.tenants AS tenant ON tenant.id = key.tenant_id
            WHERE (key.sha256 = \(hash) OR key.previous_sha256 = \(hash) AND key.previous_expires_at > now()) AND key.reads_reports
                AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now()) AND tenant.state = 'active'
            """)
        guard let row else { throw refusal }
        let address = peer.flatMap { NetworkAddress($0) }
        let lists: [[String]?] = [try row.value("of_key"), try row.value("of_tenant")]
        let policy = AddressPolicy(allowed: lists.compactMap(\.self).map { AddressRanges($0.compactMap { AddressRange($0) }) })
        guard policy.admits(address) else { throw refusal }
        try await note(try row.value("id"), address, serving)
        return ReportKey(tenant: try row.value("tenant_id"))
    }

    private static func secret(_ headers: HTTPFields) -> String? {
        let own = HTTPField.Name("x-api-key").flatMap { headers[$0] }
        guard let field = headers[.authorization] else { return own }
        return own == nil && field.lowercased().hasPrefix("bearer ") ? String(field.dropFirst(7)) : nil
    }

    /// Where and when it was used, once a minute: what a person looks at when it may have leaked.
    private static func note(_ key: UUID, _ address: NetworkAddress?, _ serving: PostgresPool) async throws {
        try await serving.execute(
            """
            INSERT INTO serving.key_uses AS known (key_id, address, first_at, last_at) VALUES (\(key), \(address?.site.text ?? ""), now(), now())
            ON CONFLICT (key_id, address) DO UPDATE SET gateway_id = NULL, last_at = EXCLUDED.last_at
            WHERE EXCLUDED.last_at >= known.last_at + interval '1 minute'
            """)
    }
}
