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

    /// The same for every key, too: whether it was one is not told from where many were tried that are none.
    static let locked = AdminRefusal(
        .tooManyRequests, .authentication, code: "too_many_failed_keys",
        "too many keys that do not exist were tried from this address; try again in a minute")

    /// - Parameters:
    ///   - peer: Address of whoever holds the connection. A key that is bound to addresses must come from one of them.
    ///   - failed: Told of keys that nobody has; an address that tried many is locked for keys that are refused, while one that counts passes.
    static func read(_ headers: HTTPFields, peer: String?, failed: FailedKeys, _ serving: PostgresPool) async throws -> ReportKey {
        let address = peer.flatMap { NetworkAddress($0) }
        let secret = secret(headers)
        // Only keys that we made: their checksum keeps guesses away from the database.
        let ours = secret.flatMap { KeyFormat.live.accepts($0) || KeyFormat.test.accepts($0) ? $0 : nil }
        let known = if let ours { try await find(ours, serving) } else { nil as Known? }
        if let known, known.counts, known.policy.admits(address) {
            try await note(known.id, address, serving)
            return ReportKey(tenant: known.tenant)
        }
        guard let address else { throw refusal }
        let isLocked = failed.isLocked(address, now: now)
        if secret != nil, known == nil { failed.failed(address, now: now) }
        throw isLocked ? locked : refusal
    }

    /// Seconds since this process first asked.
    private static var now: Int64 { (ContinuousClock.now - began).components.seconds }
    private static let began = ContinuousClock.now

    private struct Known {
        var id: UUID
        var tenant: UUID
        /// It may read reports, and is neither over nor its tenant's no more.
        var counts: Bool
        var policy: AddressPolicy
    }

    private static func find(_ secret: String, _ serving: PostgresPool) async throws -> Known? {
        let hash = Hash.sha256(secret).bytes
        let row = try await serving.queryOne(
            """
            SELECT key.id, key.tenant_id, key.allowed_addresses AS of_key, tenant.allowed_addresses AS of_tenant,
                key.reads_reports AND (key.expires_at IS NULL OR key.expires_at > now()) AND tenant.state = 'active' AS counts
            FROM serving.api_keys AS key JOIN serving.tenants AS tenant ON tenant.id = key.tenant_id
            WHERE (key.sha256 = \(hash) OR key.previous_sha256 = \(hash) AND key.previous_expires_at > now()) AND key.revoked_at IS NULL
            """)
        guard let row else { return nil }
        let lists: [[String]?] = [try row.value("of_key"), try row.value("of_tenant")]
        let policy = AddressPolicy(allowed: lists.compactMap(\.self).map { AddressRanges($0.compactMap { AddressRange($0) }) })
        return Known(id: try row.value("id"), tenant: try row.value("tenant_id"), counts: try row.value("counts"), policy: policy)
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
