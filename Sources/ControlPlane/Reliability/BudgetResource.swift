import Domain
import Postgres

/// Budgets, the ledger of bad minutes, and alerts of budgets that are spent too fast: looked at, never written from outside.
enum BudgetResource {
    static let document: SQL = """
        json_build_object('id', s.id || ':' || r.kind, 'kind', r.kind, 'objective', r.objective_id, 'tenant', s.tenant_id, 'tier', s.tier,
            'model', s.model, 'region', s.region, 'period_from', serving.wire_time(r.period_from),
            'period_until', serving.wire_time(r.period_until), 'total', r.total, 'bad', r.bad,
            'consumed', \(share("r.consumed_numerator", "r.consumed_denominator")),
            'remaining', \(remaining), 'rolling_total', r.rolling_total, 'rolling_bad', r.rolling_bad,
            'rolling_consumed', \(share("r.rolling_consumed_numerator", "r.rolling_consumed_denominator")), 'verdict', r.verdict,
            'freeze_state', r.freeze_state, 'causes', r.causes, 'hour_burn', round(r.hour_burn, 2)::text, 'hours_left', \(hoursLeft),
            'unmeasured_minutes', CASE WHEN r.kind = 'availability' THEN \(unmeasuredMinutes(since: "r.evaluated_at - interval '1 hour'")) END,
            'runs_out_at', serving.wire_time(r.evaluated_at + make_interval(secs => 3600 * \(hoursLeft)::double precision)),
            'evaluated_at', serving.wire_time(r.evaluated_at))
        """

    /// Until nothing of the budget is left when it is spent as within the last hour, one decimal place; NULL: it is not being spent, or its period ends
    /// before. A share that is left lasts as long as that share of the period, divided by how many times as fast as allowed it is spent.
    static let hoursLeft: SQL = """
        (SELECT CASE WHEN left_hours <= 0 THEN '0.0' WHEN r.period_until > r.evaluated_at
                AND left_hours * 3600 > extract(epoch FROM r.period_until - r.evaluated_at) THEN NULL ELSE round(left_hours, 1)::text END
            FROM (SELECT (1 - r.consumed_numerator::numeric / r.consumed_denominator) * extract(epoch FROM r.period_until - r.period_from) / 3600
                / nullif(r.hour_burn, 0) AS left_hours) AS pace WHERE left_hours IS NOT NULL)
        """

    /// Minutes until the budget was judged last that count as bad because nobody measured them: neither a request nor a probe.
    static func unmeasuredMinutes(since start: SQL) -> SQL {
        """
        (SELECT count(*) FROM (SELECT DISTINCT ON (entry.minute_at) entry.amount, entry.status FROM reliability.budget_entry AS entry
            WHERE entry.subject_id = r.subject_id AND entry.minute_at < r.evaluated_at
                AND entry.minute_at >= \(start)
            ORDER BY entry.minute_at, entry.revision DESC) AS newest WHERE amount > 0 AND status = \(MinuteStatus.unmeasured.rawValue))
        """
    }

    static let source: SQL = "reliability.budget_state AS r JOIN reliability.budget_subject AS s ON s.id = r.subject_id"

    /// Decimal text with four places: a ratio is for machines, this is for people.
    private static func share(_ numerator: SQL, _ denominator: SQL) -> SQL {
        "round(\(numerator)::numeric / \(denominator), 4)::text"
    }

    /// What is left, in the unit of the total: minutes, or requests. Of a budget that is consumed to a share, so much of it is bad.
    private static let remaining: SQL = """
        CASE WHEN r.bad > 0 AND r.consumed_numerator > 0
            THEN round(r.bad::numeric * r.consumed_denominator / r.consumed_numerator - r.bad, 3)::text
            ELSE round(r.total::numeric * (SELECT CASE WHEN o.kind IN ('error_rate', 'rate_429') THEN o.target_ppm ELSE 1000000 - o.target_ppm END
                FROM reliability.objective AS o WHERE o.id = r.objective_id) / 1000000, 3)::text END
        """

    private static let states = Listing(
        document: document, source: source, visible: "s.ended_at IS NULL", order: "r.subject_id", orderType: "bigint", id: "r.kind", idType: "text",
        filters: [
            .reference("tenant", "s.tenant_id", to: .tenants), .text("tier", "s.tier"), .text("model", "s.model"), .text("region", "s.region"),
            .text("kind", "r.kind"), .choice("freeze_state", "r.freeze_state", ["normal", "caution", "frozen"]),
        ])

    static let list = AdminRoute.read("budgets") { call, databases in try await states.page(call, databases.serving) }

    private static let ledger = Listing(
        document: """
            json_build_object('id', r.id, 'kind', r.kind, 'tenant', s.tenant_id, 'tier', s.tier, 'model', s.model, 'region', s.region,
                'minute_at', serving.wire_time(r.minute_at), 'revision', r.revision, 'amount', r.amount, 'status', r.status, 'cause', r.cause,
                'detail', r.detail, 'recorded_at', serving.wire_time(r.recorded_at))
            """,
        source: "reliability.budget_ledger AS r JOIN reliability.budget_subject AS s ON s.id = r.subject_id", order: "r.minute_at", idType: "bigint",
        usualOrder: .descending,
        filters: [
            .reference("tenant", "s.tenant_id", to: .tenants), .text("tier", "s.tier"), .text("model", "s.model"), .text("region", "s.region"),
            .text("kind", "r.kind"), .choice("cause", "r.cause", ["deployment", "provider_swap", "maintenance", "unexpected"]), .since("r.minute_at"),
            .until("r.minute_at"),
        ])

    static let entries = AdminRoute.read("budget-entries") { call, databases in try await ledger.page(call, databases.serving) }

    private static let alerts = Listing(
        document: """
            json_build_object('id', r.id, 'kind', r.kind, 'objective', r.objective_id, 'severity', r.severity, 'tenant', s.tenant_id,
                'tier', s.tier, 'model', s.model, 'region', s.region, 'long_seconds', r.long_seconds,
                'short_seconds', r.short_seconds, 'burn', r.burn::text, 'threshold', r.threshold::text, 'bad', r.bad, 'total', r.total,
                'opened_at', serving.wire_time(r.opened_at), 'closed_at', serving.wire_time(r.closed_at))
            """,
        source: "reliability.burn_alert AS r JOIN reliability.budget_subject AS s ON s.id = r.subject_id", order: "r.opened_at",
        usualOrder: .descending,
        filters: [
            .text("kind", "r.kind"), .choice("severity", "r.severity", ["page", "ticket"]), .text("model", "s.model"), .text("region", "s.region"),
            .since("r.opened_at"), .until("r.opened_at"),
        ])

    static let burn = AdminRoute.read("burn-alerts") { call, databases in try await alerts.page(call, databases.serving) }
}
