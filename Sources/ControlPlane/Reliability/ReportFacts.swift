import Domain
import FoundationEssentials
import HTTPWire
import Postgres

/// What stands beside the measured figures in a tenant's month, each as JSON: the budget, what was left out, credits, the tree.
struct ReportFacts: Sendable {
    let databases: ControlDatabases
    let tenant: UUID
    let month: BillingPeriod

    /// Of availability, that holds for the tenant there.
    func objective(of subject: MinuteSubject, tier: String) async throws -> StoredObjective? {
        let objectives = try await ObjectiveStore.active { try await databases.reliability.query($0) }
        let scope = ObjectiveScope(tenant: tenant.uuidString.lowercased(), tier: tier, model: subject.model, region: subject.region)
        return objectives.holding(.availability, for: scope)
    }

    /// Bad minutes against what the objective allows in the whole month, and the ledger's causes: of the tenant's own ledger where it has one, else of
    /// its tier's.
    func budget(_ held: StoredObjective?, of subject: MinuteSubject, tier: String, in covered: CoveredMinutes, bad: Int64) async throws -> String {
        guard let found = held else { return "null" }
        let rows = try await databases.reliability.query(
            """
            SELECT subject.tenant_id IS NOT NULL AS own, coalesce(entry.cause, '') AS cause, coalesce(sum(entry.amount), 0)::bigint AS minutes
            FROM reliability.budget_subject AS subject LEFT JOIN reliability.budget_entry AS entry ON entry.subject_id = subject.id
                AND \(covered.contain("entry.minute_at"))
            WHERE subject.model = \(subject.model) AND subject.region = \(subject.region)
                AND (subject.tenant_id = \(tenant) OR (subject.tenant_id IS NULL AND subject.tier = \(tier)))
            GROUP BY 1, 2 ORDER BY 2
            """)
        let entries = try rows.map { row in
            (
                own: try row.value("own", as: Bool.self), cause: try row.value("cause", as: String.self),
                minutes: try row.value("minutes", as: Int64.self)
            )
        }
        let isOwn = entries.contains(where: \.own)
        let forecast = try await databases.reliability.queryOne(
            """
            SELECT \(BudgetResource.hoursLeft) AS hours FROM \(BudgetResource.source)
            WHERE r.kind = 'availability' AND s.model = \(subject.model) AND s.region = \(subject.region) AND s.ended_at IS NULL
                AND (s.tenant_id = \(tenant) OR (s.tenant_id IS NULL AND s.tier = \(tier)))
                AND r.evaluated_at >= \(EvidenceTime.minute(covered.hull.lowerBound)) AND r.evaluated_at < \(EvidenceTime.minute(month.minutes.upperBound))
            ORDER BY s.tenant_id NULLS LAST LIMIT 1
            """)
        let left = try forecast?.value("hours", as: String?.self).map(AdminJSON.string) ?? "null"
        let causes = entries.filter { $0.own == isOwn && $0.minutes != 0 }.map { "\(AdminJSON.string($0.cause)):\($0.minutes)" }
        let allowed = Int64(month.minutes.count) * (Objective.million - found.objective.targetPpm) / Objective.million
        return "{\"objective\":\(AdminJSON.string(found.name)),\"target_ppm\":\(found.objective.targetPpm),\"allowed_minutes\":\(allowed),"
            + "\"bad_minutes\":\(bad),\"causes\":{\(causes.joined(separator: ","))},\"is_of_tier\":\(!isOwn),\"hours_left\":\(left)}"
    }

    /// Announced work, whether or not the contract leaves it out.
    func maintenance() async throws -> String {
        try await scrubbed(
            """
            SELECT coalesce(json_agg(json_build_object('title', title, 'model', model, 'region', region, 'starts_at', serving.wire_time(starts_at),
                'ends_at', serving.wire_time(least(ends_at, completed_at)), 'announced_at', serving.wire_time(announced_at)) ORDER BY starts_at), '[]')::text AS document
            FROM reliability.maintenance_window WHERE state <> 'cancelled' AND \(isWithin)
            """)
    }

    func exclusions() async throws -> String {
        try await scrubbed(
            """
            SELECT coalesce(json_agg(json_build_object('code', code, 'reason', reason, 'model', model, 'region', region,
                'starts_at', serving.wire_time(starts_at), 'ends_at', serving.wire_time(ends_at)) ORDER BY starts_at), '[]')::text AS document
            FROM reliability.effective_exclusion WHERE (tenant_id IS NULL OR tenant_id = \(tenant)) AND \(isWithin)
            """)
    }

    private var isWithin: SQL {
        "starts_at < \(EvidenceTime.minute(month.minutes.upperBound)) AND ends_at > \(EvidenceTime.minute(month.minutes.lowerBound))"
    }

    /// People write titles and reasons; names of capacity and of other customers do not leave with them.
    private func scrubbed(_ query: SQL) async throws -> String {
        let text: String = try await databases.reliability.queryOne(query)?.value("document") ?? "[]"
        let scrub = try await NameScrub.read(for: "\(tenant)") { try await databases.serving.query($0) }
        return AdminJSON.text(try scrub.clean(try JSONValue.parse(Array(text.utf8))))
    }

    /// The newest version of each.
    func credits() async throws -> String {
        let row = try await databases.reliability.queryOne(
            """
            SELECT coalesce(json_agg(json_build_object('id', id, 'agreement', agreement_id, 'model', model, 'region', region, 'version', version,
                'status', status, 'currency', currency, 'amount_cents', amount_cents, 'arithmetic', arithmetic, 'evidence', evidence) ORDER BY model, region, agreement_id),
                '[]')::text AS document
            FROM (SELECT DISTINCT ON (credit.agreement_id) credit.*, agreement.model, agreement.region
                FROM reliability.credit JOIN reliability.agreement ON agreement.id = credit.agreement_id
                WHERE credit.tenant_id = \(tenant) AND credit.month = \("\(month)") ORDER BY credit.agreement_id, credit.version DESC) AS newest
            """)
        return try row?.value("document") ?? "[]"
    }

    func evidence() async throws -> String {
        let row = try await databases.reliability.queryOne(
            """
            SELECT json_build_object('tree', id, 'leaves', leaves, 'root', encode(root, 'hex'), 'closed_until', serving.wire_time(next_at),
                'complete', next_at = (month + interval '1 month') AT TIME ZONE 'UTC')::text AS document
            FROM reliability.evidence_tree WHERE tenant_id = \(tenant) AND month = \(EvidenceTime.month(month))
            """)
        return try row?.value("document") ?? "null"
    }
}
