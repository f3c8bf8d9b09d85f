import Cryptography
import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Links by which a customer sees a month of their own. The secret is in the answer that makes one and nowhere else.
enum ReportLinkResource {
    static let resource = AdminResource(
        path: "report-links", kind: "report_link", table: "reliability.report_link",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'month', to_char(r.month, 'YYYY-MM'), 'created_by', r.created_by,
                    'expires_at', serving.wire_time(r.expires_at), 'revoked_at', serving.wire_time(r.revoked_at),
                    'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.report_link AS r", usualOrder: .descending, filters: [.reference("tenant", "r.tenant_id", to: .tenants)]),
        naming: .none)

    /// - Parameter publicURL: Where customers reach the public port, without a slash at its end; nil: it is not set.
    static func creation(_ publicURL: String?) -> AdminRoute {
        .change(.post, "report-links") { call, fields, connection in
            let tenant = fields.text("tenant", .reference, .required) ?? ""
            let text = fields.text("month", .text(7...7))
            let days = fields.integer("days", 1...400) ?? 30
            let present = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970) * 1_000_000)
            let month = text.map { BillingPeriod($0) } ?? present
            if month == nil { fields.add("month", "must be a month such as 2030-01") }
            try fields.finish()
            guard let publicURL else {
                throw AdminRefusal.conflict(
                    "no_public_page", "customers cannot reach a page: set public.listen and public.url (control-configuration.md)")
            }
            let owner: UUID
            do {
                owner = try await AdminResource.tenants.locked(tenant, connection)
            } catch is AdminRefusal {
                throw AdminRefusal.fault("tenant", "does not exist")
            }
            let secret = ReportSecret.make()
            let row = try await connection.queryOne(
                """
                INSERT INTO reliability.report_link (tenant_id, month, sha256, created_by, expires_at)
                VALUES (\(owner), \(EvidenceTime.month(month ?? present)), \(ReportSecret.hash(secret)), \(call.actor.label),
                    now() + make_interval(days => \(days)::integer)) RETURNING id
                """)
            guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
            var change = try await resource.change(connection, id, "create", status: .created)
            change.secret = ("url", "\(publicURL)/reports/\(secret)")
            return change
        }
    }

    static let revocation = AdminRoute.change(.post, "report-links/{id}/revoke") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        try await connection.execute("UPDATE reliability.report_link SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL")
        return try await resource.change(connection, id, "revoke")
    }
}

/// What a link to a report holds: 256 random bits.
enum ReportSecret {
    private static let length = 64

    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    static func mayExist(_ text: String) -> Bool {
        text.utf8.count == length && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    static func hash(_ secret: String) -> [UInt8] { Hash.sha256(secret).bytes }
}
