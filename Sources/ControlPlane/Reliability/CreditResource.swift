import FoundationEssentials
import HTTPTypes
import Postgres

/// Credits with the arithmetic behind each; every version stays.
enum CreditResource {
    static let resource = AdminResource(
        path: "credits", kind: "credit", table: "reliability.credit",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'agreement', r.agreement_id, 'tenant', r.tenant_id, 'terms', r.terms_id, 'month', r.month,
                    'version', r.version, 'current', NOT EXISTS (SELECT 1 FROM reliability.credit AS later
                        WHERE later.agreement_id = r.agreement_id AND later.month = r.month AND later.version > r.version),
                    'status', r.status, 'currency', r.currency, 'amount_cents', r.amount_cents, 'arithmetic', r.arithmetic,
                    'evidence', r.evidence,
                    'computed_by', r.computed_by, 'computed_at', serving.wire_time(r.computed_at))
                """,
            source: "reliability.credit AS r", order: "r.computed_at", usualOrder: .descending,
            filters: [
                .reference("tenant", "r.tenant_id", to: .tenants), .uuid("agreement", "r.agreement_id"), .text("month", "r.month"),
                .choice("status", "r.status", ["none", "issued", "carried", "provisional"]),
            ]),
        naming: .none)

    /// Months whose credit is to be computed, the longest first, with what keeps those from it that were tried in vain. They have no bundle until then.
    static let waiting = AdminRoute.read("waiting-credits") { call, databases in try await waitingList.page(call, databases.serving) }

    private static let failing: SQL = "CASE WHEN fault.tries > 0 THEN 'yes' ELSE 'no' END"

    private static let waitingList = Listing(
        document: """
            json_build_object('agreement', r.agreement_id, 'tenant', promised.tenant_id, 'model', promised.model, 'region', promised.region,
                'month', r.month, 'since', serving.wire_time(coalesce(fault.since_at, r.since_at)), 'failing', \(failing),
                'tries', coalesce(fault.tries, 0), 'tried_at', serving.wire_time(fault.tried_at), 'reason', fault.reason)
            """,
        source: """
            (SELECT agreement_id, month, min(noted_at) AS since_at FROM reliability.credit_recheck GROUP BY agreement_id, month) AS r
            JOIN reliability.agreement AS promised ON promised.id = r.agreement_id
            LEFT JOIN reliability.credit_fault AS fault ON fault.agreement_id = r.agreement_id AND fault.month = r.month
            """,
        order: "coalesce(fault.since_at, r.since_at)", id: "concat_ws(' ', r.agreement_id, r.month)", idType: "text",
        filters: [
            .reference("tenant", "promised.tenant_id", to: .tenants), .uuid("agreement", "r.agreement_id"), .text("month", "r.month"),
            .choice("failing", failing, ["yes", "no"]),
        ])

    /// Computes a month from what is stored. The same inputs give the version that there is; others make a new one. Before all leaves are there it is
    /// provisional: no invoice takes it, and it is no evidence.
    static let computation = AdminRoute.wideChange(.post, "agreements/{id}/credits/compute") { call, fields, connection, databases in
        let month = fields.text("month", .text(7...7), .required) ?? ""
        if !month.isEmpty, !isMonth(month) { fields.add("month", "must be a month such as 2026-06") }
        try fields.finish()
        guard let id = UUID(uuidString: call.reference), let found = try await CreditLedger(databases).compute(id, month: month) else {
            throw AdminRefusal(.notFound, code: "not_found", "there is no active agreement of that id, or it covers nothing of that month")
        }
        let isOver: SQL = "SELECT 1 FROM (SELECT now() >= \(SQL.minute(found.monthMinutes.upperBound)) AS over) AS month WHERE month.over"
        guard try await !connection.query(isOver).isEmpty else { throw AdminRefusal.conflict("not_over", "this month is not over") }
        let made = try await CreditLedger.record(found, by: call.actor.label, connection)
        // What is approved or told while this is computed is looked at once more.
        try await connection.execute("INSERT INTO reliability.credit_recheck (agreement_id, month) VALUES (\(id), \(month))")
        let newest = try await connection.queryOne(
            "SELECT id FROM reliability.credit WHERE agreement_id = \(id) AND month = \(month) ORDER BY version DESC LIMIT 1")
        guard let credit = try newest?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await resource.change(connection, credit, "compute", status: made == nil ? .ok : .created)
    }

    private static func isMonth(_ text: String) -> Bool {
        let parts = text.split(separator: "-")
        guard parts.count == 2, parts[0].count == 4, parts[1].count == 2, let year = Int(parts[0]), let month = Int(parts[1]) else { return false }
        return (2000...2999).contains(year) && (1...12).contains(month)
    }
}
