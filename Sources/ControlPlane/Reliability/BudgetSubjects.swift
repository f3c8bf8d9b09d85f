import Domain
import FoundationEssentials
import Postgres

/// Whose budget is kept.
struct BudgetSubject: Sendable {
    var id: Int64
    var minutes: MinuteSubject
    /// As objectives are looked up for it.
    var scope: ObjectiveScope
    /// Minutes since 1970.
    var firstMinute: Int64
}

/// Finds what budgets are kept for: what was asked, what is sold, and tenants with an objective or terms of their own.
struct BudgetSubjects: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool

    /// Adds what is new in the minutes, and ends what is not sold any more.
    func discover(_ range: MinuteRange) async throws {
        let sold = try await serving.query(
            """
            SELECT DISTINCT sku.tier, sku.model, sku.primary_region AS region FROM serving.skus AS sku WHERE sku.state = 'active'
            """)
        let (tiers, models, regions) = (
            try sold.map { try $0.value("tier", as: String.self) }, try sold.map { try $0.value("model", as: String.self) },
            try sold.map { try $0.value("region", as: String.self) }
        )
        let time: SQL = "minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))"
        try await reliability.execute(
            """
            INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at)
            SELECT NULL::uuid, tier, model, region, min(minute_at) FROM reliability.service_minute WHERE \(time) GROUP BY tier, model, region
            UNION ALL
            SELECT NULL::uuid, sold.tier, sold.model, sold.region, \(SQL.minute(range.lowerBound))
            FROM unnest(\(tiers)::text[], \(models)::text[], \(regions)::text[]) AS sold (tier, model, region)
            UNION ALL
            SELECT total.tenant_id, '', total.model, total.region, min(minute_at) FROM reliability.minute_total AS total
            WHERE \(time) AND total.tenant_id IN (SELECT tenant_id FROM reliability.objective WHERE state = 'active')
            GROUP BY total.tenant_id, total.model, total.region
            UNION ALL
            SELECT tenant_id, '', model, region, greatest(starts_at, \(SQL.minute(range.lowerBound))) FROM reliability.agreement
            WHERE \(Self.isInForce(at: range.lowerBound)) AND starts_at < \(SQL.minute(range.upperBound))
            ON CONFLICT DO NOTHING
            """)
        try await endUnsold(at: range.upperBound)
    }

    /// Of an `agreement`: one of which notice was given is kept until the notice is over.
    private static func isInForce(at minute: Int64) -> SQL {
        "(agreement.state = 'active' OR agreement.state = 'ended' AND agreement.ends_at > \(SQL.minute(minute)))"
    }

    func open() async throws -> [BudgetSubject] { try await read("ended_at IS NULL") }

    /// Also those that have ended since: what comes late is of the budget that was kept then.
    func kept(in range: MinuteRange) async throws -> [BudgetSubject] {
        try await read(
            "first_minute_at < \(SQL.minute(range.upperBound)) AND coalesce(ended_at > \(SQL.minute(range.lowerBound)), true)")
    }

    private func read(_ condition: SQL) async throws -> [BudgetSubject] {
        let rows = try await reliability.query(
            """
            SELECT id, tenant_id, tier, model, region, extract(epoch FROM first_minute_at)::bigint / 60 AS first
            FROM reliability.budget_subject WHERE \(condition) ORDER BY id
            """)
        let owners = try await serving.query("SELECT id::text AS id, tier FROM serving.tenants")
        var tiers: [String: String] = [:]
        for row in owners { tiers[try row.value("id")] = try row.value("tier", as: String.self) }
        return try rows.map { row in
            let (model, region): (String, String) = (try row.value("model"), try row.value("region"))
            if let tenant = try row.value("tenant_id", as: UUID?.self) {
                let name = tenant.uuidString.lowercased()
                return BudgetSubject(
                    id: try row.value("id"), minutes: MinuteSubject(tenant: tenant, model: model, region: region),
                    scope: ObjectiveScope(tenant: name, tier: tiers[name], model: model, region: region), firstMinute: try row.value("first"))
            }
            let tier: String = try row.value("tier")
            return BudgetSubject(
                id: try row.value("id"), minutes: MinuteSubject(tier: tier, model: model, region: region),
                scope: ObjectiveScope(tier: tier, model: model, region: region), firstMinute: try row.value("first"))
        }
    }

    /// A tier or model that is gone, or a model that no SKU sells in the region and no accepted worker serves there, once nobody has asked for it for a
    /// day. What a tenant was promised ends with its agreement and nothing else.
    private func endUnsold(at minute: Int64) async throws {
        let rows = try await serving.query(
            """
            SELECT tier.name AS tier, model.name AS model, place.region FROM serving.tiers AS tier, serving.models AS model, LATERAL (
                SELECT hosts.region FROM serving.workers JOIN serving.hosts ON hosts.id = workers.host_id
                JOIN serving.releases ON releases.name = workers.release
                WHERE releases.model = model.name AND workers.accepted AND workers.retired_at IS NULL
                UNION SELECT sku.primary_region FROM serving.skus AS sku WHERE sku.model = model.name AND sku.state = 'active'
                UNION SELECT sku.backup_region FROM serving.skus AS sku WHERE sku.model = model.name AND sku.state = 'active') AS place
            WHERE tier.state <> 'deleted' AND model.state <> 'deleted' AND place.region IS NOT NULL
            """)
        let (tiers, models, regions) = (
            try rows.map { try $0.value("tier", as: String.self) }, try rows.map { try $0.value("model", as: String.self) },
            try rows.map { try $0.value("region", as: String.self) }
        )
        _ = try await reliability.pipeline([
            """
            UPDATE reliability.budget_subject AS subject SET ended_at = \(SQL.minute(minute))
            WHERE ended_at IS NULL AND tenant_id IS NULL AND (tier, model, region) NOT IN (
                SELECT * FROM unnest(\(tiers)::text[], \(models)::text[], \(regions)::text[]))
                AND NOT EXISTS (SELECT 1 FROM reliability.service_minute AS asked WHERE asked.tier = subject.tier AND asked.model = subject.model
                    AND asked.region = subject.region AND asked.minute_at >= \(SQL.minute(minute - 1_440)))
            """,
            """
            UPDATE reliability.budget_subject AS subject SET ended_at = \(SQL.minute(minute))
            WHERE ended_at IS NULL AND tenant_id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM reliability.objective WHERE objective.tenant_id = subject.tenant_id AND objective.state = 'active')
                AND NOT EXISTS (SELECT 1 FROM reliability.agreement WHERE agreement.tenant_id = subject.tenant_id
                    AND agreement.model = subject.model AND agreement.region = subject.region AND \(Self.isInForce(at: minute)))
            """,
            """
            DELETE FROM reliability.budget_state AS state USING reliability.budget_subject AS subject
            WHERE subject.id = state.subject_id AND subject.ended_at IS NOT NULL
            """,
            """
            UPDATE reliability.burn_alert AS alert SET closed_at = \(SQL.minute(minute)) FROM reliability.budget_subject AS subject
            WHERE subject.id = alert.subject_id AND subject.ended_at IS NOT NULL AND alert.closed_at IS NULL
            """,
        ])
    }
}
