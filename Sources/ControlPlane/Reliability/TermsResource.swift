import Domain
import FoundationEssentials
import HTTPTypes
import HTTPWire
import Postgres

/// Terms of contracts: a version is written once, and only where what it promises is measured.
enum TermsResource {
    static let resource = AdminResource(
        path: "terms", kind: "terms", table: "reliability.terms",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'version', r.version, 'title', r.title, 'tier', r.tier, 'model', r.model,
                    'region', r.region, 'availability_ppm', r.availability_ppm, 'bad_above_ppm', r.bad_above_ppm,
                    'ttft_threshold_microseconds', r.ttft_threshold_microseconds,
                    'ttlt_threshold_microseconds', r.ttlt_threshold_microseconds, 'ttlt_tokens', r.ttlt_tokens,
                    'credit_counting', r.credit_counting, 'credit_step_ppm', r.credit_step_ppm, 'credit_step_percent', r.credit_step_percent,
                    'credit_table', r.credit_table, 'latency_credit_percent', r.latency_credit_percent,
                    'latency_per_episode', r.latency_per_episode, 'credit_cap_percent', r.credit_cap_percent, 'exclusions', r.exclusions,
                    'burst_percent', r.burst_percent, 'fallback_model', r.fallback_model, 'fallback_quality', r.fallback_quality,
                    'maintenance_lead_hours', r.maintenance_lead_hours,
                    'maintenance_month_minutes', r.maintenance_month_minutes, 'termination_days', r.termination_days,
                    'dispute_days', r.dispute_days, 'sole_remedy', r.sole_remedy, 'time_zone', r.time_zone, 'evidence_days', r.evidence_days,
                    'reviewed_by_counsel', r.reviewed_by_counsel, 'reviewed_on', r.reviewed_on, 'state', r.state,
                    'created_by', r.created_by, 'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.terms AS r", filters: [.text("name", "r.name"), .text("tier", "r.tier"), .text("state", "r.state")]),
        naming: .none, fields: fields)

    private static let fields = [
        AdminField("name", .slug, .required, changeable: false),
        AdminField("title", .label, .required, changeable: false),
        AdminField("tier", .slug, .required, changeable: false),
        AdminField("model", .modelName, changeable: false),
        AdminField("region", .slug, changeable: false),
        AdminField("availability_ppm", .integer(1...999_999), changeable: false),
        AdminField("bad_above_ppm", .integer(0...1_000_000), changeable: false),
        AdminField("ttft_threshold_microseconds", .integer(1_000...3_600_000_000), changeable: false),
        AdminField("ttlt_threshold_microseconds", .integer(1_000...3_600_000_000), changeable: false),
        AdminField("credit_counting", .choice(CreditTerms.Counting.allCases.map(\.rawValue)), changeable: false),
        AdminField("credit_step_ppm", .integer(1...1_000_000), changeable: false),
        AdminField("credit_step_percent", .integer(0...100), changeable: false),
        AdminField("credit_table", .text(2...4_000), changeable: false),
        AdminField("latency_credit_percent", .integer(0...100), changeable: false),
        AdminField("latency_per_episode", .boolean, changeable: false),
        AdminField("credit_cap_percent", .integer(0...100), changeable: false),
        AdminField("exclusions", .choices(ExclusionResource.codes), changeable: false),
        AdminField("burst_percent", .integer(0...1_000), changeable: false),
        AdminField("fallback_model", .modelName, changeable: false),
        AdminField("fallback_quality", .label, changeable: false),
        AdminField("maintenance_lead_hours", .integer(0...720), changeable: false),
        AdminField("maintenance_month_minutes", .integer(0...10_080), changeable: false),
        AdminField("termination_days", .integer(0...365), changeable: false),
        AdminField("dispute_days", .integer(1...365), changeable: false),
        AdminField("sole_remedy", .boolean, changeable: false),
        AdminField("time_zone", .label, changeable: false),
        AdminField("evidence_days", .integer(1...90), changeable: false),
        AdminField("reviewed_by_counsel", .label, changeable: false),
        AdminField("reviewed_on", .text(10...10), changeable: false),
    ]

    /// The next version of its name. Refused where nothing measures what it promises.
    static let creation = AdminRoute.change(.post, "terms") { call, fields, connection in
        var columns: [SQL] = []
        var values: [SQL] = []
        for field in resource.fields {
            guard let value = fields.value(field) else { continue }
            columns.append(", \(identifier: field.name)")
            values.append(", \(value)")
            if field.name.description == "credit_table", let text = value as? String, !isTable(text) {
                fields.add("credit_table", #"must be JSON such as [{"below_ppm": 999000, "percent": 10}]"#)
            }
        }
        let name = fields.text("name", .slug, .required)
        let fallback = fields.text("fallback_model", .modelName)
        if (fallback == nil) != (fields.text("fallback_quality", .label) == nil) {
            fields.add("fallback_quality", "stands with fallback_model: the smaller model, and its quality in words")
        }
        try fields.finish()
        if let fallback,
            try await connection.query("SELECT 1 FROM serving.models WHERE name = \(fallback) AND state <> 'deleted'").isEmpty
        {
            throw AdminRefusal.fault("fallback_model", "does not exist")
        }
        try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('terms ' || \(name)::text, 0))")
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.terms (version, created_by\(SQL.joined(columns, separator: "")))
            VALUES ((SELECT coalesce(max(version), 0) + 1 FROM reliability.terms WHERE name = \(name)), \(call.actor.label)\(SQL.joined(values, separator: "")))
            RETURNING id, coalesce(reviewed_on > (now() AT TIME ZONE 'UTC')::date + 1, false) AS unseen
            """)
        guard let id = try row?.value("id", as: UUID.self), let terms = try await TermsVersion.read(id, { try await connection.queryOne($0) }) else {
            throw AdminRefusal.failed
        }
        // A day later than UTC's is one that has come somewhere.
        if try row?.value("unseen", as: Bool.self) == true { throw AdminRefusal.fault("reviewed_on", "must not be a day that is still to come") }
        if let table = terms.table, let fault = tableFault(table, terms.availabilityPpm) { throw AdminRefusal.fault("credit_table", fault) }
        let missing = try await TermsProof.missing(terms, connection)
        guard missing.isEmpty else {
            throw AdminRefusal.conflict("not_measured", "these terms promise what nothing measures: \(missing.joined(separator: "; "))")
        }
        return try await resource.change(connection, id, "create", status: .created)
    }

    /// No new contract takes them; those that there are go on.
    static let retirement = AdminRoute.change(.post, "terms/{id}/retire") { call, fields, connection in
        // Kept by the audit row.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        try await connection.execute("UPDATE reliability.terms SET state = 'retired' WHERE id = \(id)")
        return try await resource.change(connection, id, "retire")
    }

    /// The text to sign, alone: to be printed, or kept as a file.
    static let addendumText = AdminRoute.read("terms/{id}/addendum/text") { call, databases in
        AdminAnswer(body: Addendum.markdown(try await version(call, databases)), contentType: "text/markdown; charset=utf-8")
    }

    private static func version(_ call: AdminCall, _ databases: ControlDatabases) async throws -> TermsVersion {
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference), let terms = try await TermsVersion.read(id, { try await databases.serving.queryOne($0) })
        else {
            throw AdminRefusal.notFound
        }
        return terms
    }

    /// The same as Markdown in a JSON document.
    static let addendum = AdminRoute.read("terms/{id}/addendum") { call, databases in
        let terms = try await version(call, databases)
        return AdminAnswer(body: Addendum.document(terms, Addendum.markdown(terms)))
    }

    /// Rows that the addendum would print and no credit would follow, or that pay less for less.
    private static func tableFault(_ table: [(belowPpm: Int64, percent: Int64)], _ objectivePpm: Int64) -> String? {
        let rows = table.sorted { $0.belowPpm > $1.belowPpm }
        guard let first = rows.first, first.belowPpm <= objectivePpm else {
            return "no row may begin above the objective of \(TermsProof.percent(objectivePpm)): nothing is paid while it is met"
        }
        let isMonotonous = zip(rows, rows.dropFirst()).allSatisfy { $0.belowPpm > $1.belowPpm && $0.percent <= $1.percent }
        return isMonotonous ? nil : "each row must begin below the one before it, and pay at least as much"
    }

    private static func isTable(_ text: String) -> Bool {
        guard let rows = (try? JSONValue.parse(Array(text.utf8)))?.array, !rows.isEmpty else { return false }
        return rows.allSatisfy { row in
            guard let below = row["below_ppm"]?.integer, let percent = row["percent"]?.integer else { return false }
            return row.object?.names.count == 2 && (1...1_000_000).contains(below) && (0...100).contains(percent)
        }
    }
}
