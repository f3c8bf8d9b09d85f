import Cryptography
import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Customers' keys. The secret is in the answer that makes it and nowhere else.
enum KeyResource {
    static let resource = AdminResource(
        path: "keys", kind: "key", table: "serving.api_keys",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'name', r.name, 'prefix', r.prefix, 'imported', r.imported,
                    'models', r.models, 'requests_per_minute', r.requests_per_minute, 'tokens_per_minute', r.tokens_per_minute,
                    'concurrent_requests', r.concurrent_requests, 'burst_requests', r.burst_requests, 'burst_tokens', r.burst_tokens,
                    'tokens_per_day', r.tokens_per_day, 'tokens_per_month', r.tokens_per_month,
                    'spend_per_month_micro_usd', r.spend_per_month_micro_usd,
                    'allowed_addresses', r.allowed_addresses, 'masking', r.masking,
                    'allowed_trust_classes', r.allowed_trust_classes, 'purpose', r.purpose,
                    'reads_reports', r.reads_reports,
                    'previous_expires_at', serving.wire_time(r.previous_expires_at), 'expires_at', serving.wire_time(r.expires_at),
                    'revoked_at', serving.wire_time(r.revoked_at), 'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.api_keys AS r", filters: [.reference("tenant", "r.tenant_id", to: .tenants)]),
        naming: .none, fields: limits,
        check: { connection, id in try await check(connection, id) })

    /// What can be changed later too. Without a limit of its own a key has its tier's.
    private static let limits = [
        AdminField("name", .label, .required),
        AdminField("models", .modelNames(atMost: 256), nullable: true),
        AdminField("requests_per_minute", .integer(1...10_000_000), nullable: true),
        AdminField("tokens_per_minute", .integer(1...2_000_000_000), nullable: true),
        AdminField("concurrent_requests", .integer(1...1_000_000), nullable: true),
        AdminField("masking", .choice(["none", "warn", "secrets", "personal", "all"]), nullable: true),
        AdminField("allowed_addresses", .addressRanges(atMost: 256), nullable: true),
        AdminField("allowed_trust_classes", .choices(["standard", "trusted"]), nullable: true),
        AdminField("burst_requests", .integer(1...10_000_000), nullable: true),
        AdminField("burst_tokens", .integer(1...2_000_000_000), nullable: true),
        AdminField("tokens_per_day", .integer(1...1_000_000_000_000_000), nullable: true),
        AdminField("tokens_per_month", .integer(1...1_000_000_000_000_000), nullable: true),
        AdminField("spend_per_month_micro_usd", .integer(1...1_000_000_000_000), nullable: true),
        AdminField("purpose", .choice(["probe", "drill"]), changeable: false, nullable: true),
        AdminField("reads_reports", .boolean),
        AdminField("expires_at", .instant, nullable: true),
    ]

    static let creation = AdminRoute.change(.post, "keys") { call, fields, connection in
        let reference = fields.text("tenant", .reference, .required)
        let mode = fields.text("mode", .choice(["live", "test"])) ?? "live"
        let given = fields.text("value", .secret(16...200))
        var columns: [SQL] = []
        var values: [SQL] = []
        for field in limits {
            guard let value = fields.value(field) else { continue }
            columns.append(", \(identifier: field.name)")
            values.append(", \(value)")
        }
        if let given, !KeyFormat.mayExist(given) { fields.add("value", "has the prefix of this product's keys but not their checksum") }
        try fields.finish()
        let tenant = try await tenant(reference ?? "", connection)
        let secret = given ?? make(mode)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.api_keys (tenant_id, prefix, sha256, imported\(SQL.joined(columns, separator: "")))
            VALUES (\(tenant), \(shown(secret)), \(Hash.sha256(secret).bytes), \(given != nil)\(SQL.joined(values, separator: "")))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        try await check(connection, id)
        var change = try await resource.change(connection, id, "create", status: .created)
        change.secret = given == nil ? ("secret", secret) : nil
        change.unaudited = ["value"]
        return change
    }

    /// A new secret for the same key, with its limits and what was used of them. The old one stays good for the overlap; a second rotation ends it.
    static let rotation = AdminRoute.change(.post, "keys/{id}/rotate") { call, fields, connection in
        let overlap = fields.integer("overlap_seconds", 0...2_592_000) ?? 86_400
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne(
            """
            SELECT revoked_at IS NOT NULL AS revoked, coalesce(expires_at < now(), false) AS expired, left(prefix, 9) AS mode
            FROM serving.api_keys WHERE id = \(id)
            """)
        guard let row else { throw AdminRefusal.notFound }
        if try row.value("revoked") { throw AdminRefusal.conflict("revoked", "a revoked key cannot be rotated") }
        if try row.value("expired") { throw AdminRefusal.conflict("expired", "an expired key cannot be rotated; give it a later expires_at first") }
        let secret = make(try row.value("mode", as: String.self) == KeyFormat.test.rawValue ? "test" : "live")
        try await connection.execute(
            """
            UPDATE serving.api_keys SET previous_sha256 = sha256, previous_expires_at = now() + make_interval(secs => \(overlap)),
                sha256 = \(Hash.sha256(secret).bytes), prefix = \(shown(secret)), imported = false, updated_at = now()
            WHERE id = \(id)
            """)
        var change = try await resource.change(connection, id, "rotate")
        change.secret = ("secret", secret)
        return change
    }

    /// What it had captured ends with it.
    static let revocation = AdminRoute.change(.post, "keys/{id}/revoke") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        try await connection.execute("UPDATE serving.api_keys SET revoked_at = now(), updated_at = now() WHERE id = \(id) AND revoked_at IS NULL")
        try await CaptureErasure.end(where: "r.key_id = \(id)", by: call.actor.label, requestId: call.requestId, connection)
        return try await resource.change(connection, id, "revoke")
    }

    /// No key of a tenant may have more than its tier gives.
    static func checkLimits(_ connection: PostgresConnection, tenant: UUID) async throws {
        let exceeding: SQL = """
            SELECT CASE WHEN key.requests_per_minute > tier.requests_per_minute THEN 'requests_per_minute'
                WHEN key.tokens_per_minute > tier.tokens_per_minute THEN 'tokens_per_minute' ELSE 'concurrent_requests' END AS field
            FROM serving.api_keys AS key JOIN serving.tenants AS tenant ON tenant.id = key.tenant_id
            JOIN serving.tiers AS tier ON tier.name = tenant.tier
            WHERE key.tenant_id = \(tenant) AND key.revoked_at IS NULL AND (key.requests_per_minute > tier.requests_per_minute
                OR key.tokens_per_minute > tier.tokens_per_minute OR key.concurrent_requests > tier.concurrent_requests)
            LIMIT 1
            """
        if let row = try await connection.queryOne(exceeding) {
            throw AdminRefusal.fault(try row.value("field"), "is above what the tier gives to a key")
        }
    }

    private static func check(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT key.tenant_id, key.revoked_at IS NOT NULL AS revoked, coalesce(key.expires_at < now(), false) AS past,
                key.reads_reports AND (key.imported OR key.purpose IS NOT NULL) AS elsewhere,
                (SELECT wanted FROM unnest(key.models) AS wanted
                    WHERE NOT EXISTS (SELECT 1 FROM serving.models WHERE models.name = wanted AND models.state <> 'deleted') LIMIT 1) AS missing
            FROM serving.api_keys AS key WHERE key.id = \(id)
            """)
        guard let row else { throw AdminRefusal.notFound }
        if try row.value("revoked") { throw AdminRefusal.conflict("revoked", "a revoked key cannot be changed") }
        if try row.value("past") { throw AdminRefusal.fault("expires_at", "is in the past") }
        if try row.value("elsewhere") { throw AdminRefusal.fault("reads_reports", "is only for a customer's key that was made here") }
        if let missing: String = try row.value("missing", as: String?.self) { throw AdminRefusal.fault("models", "\(missing) does not exist") }
        try await checkLimits(connection, tenant: row.value("tenant_id"))
        try await checkLongestAnswer(connection, id)
    }

    /// A key's own limits must let through what its tier lets it ask for.
    private static func checkLongestAnswer(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT tier.max_output_tokens, tier.tokens_per_minute, tier.burst_tokens, key.tokens_per_minute AS own, key.burst_tokens AS own_burst
            FROM serving.api_keys AS key JOIN serving.tenants AS tenant ON tenant.id = key.tenant_id
            JOIN serving.tiers AS tier ON tier.name = tenant.tier
            WHERE key.id = \(id) AND (key.tokens_per_minute IS NOT NULL OR key.burst_tokens IS NOT NULL)
            """)
        guard let row else { return }
        let own = try TierLimits(row).narrowed(tokensPerMinute: row.value("own"), burstTokens: row.value("own_burst"))
        try own.refuseFaults()
    }

    private static func tenant(_ reference: String, _ connection: PostgresConnection) async throws -> UUID {
        do {
            return try await AdminResource.tenants.locked(reference, connection)
        } catch is AdminRefusal {
            throw AdminRefusal.fault("tenant", "does not exist")
        }
    }

    private static func make(_ mode: String) -> String {
        var generator = SystemRandomNumberGenerator()
        return (mode == "test" ? KeyFormat.test : KeyFormat.live).make(using: &generator)
    }

    /// Twelve characters tell keys apart: our prefix and three of thirty digits. Of a key from elsewhere at most a quarter is shown.
    static func shown(_ secret: String) -> String {
        String(secret.prefix(KeyFormat.claimed(by: secret) == nil ? min(12, secret.count / 4) : 12))
    }
}
