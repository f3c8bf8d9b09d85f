import Domain
import FoundationEssentials
import Postgres

/// What customers ask for at this time, for the price of what is taken from them: the newest requests, at most so many of the last minutes.
struct DemandReader: Sendable {
    private static let window: TimeInterval = 300
    private static let most = 20_000

    /// Of the serving room: tenants' limits.
    let serving: PostgresPool
    /// Of the billing room: requests.
    let billing: PostgresPool
    /// Of the reliability room: what limits refused.
    let reliability: PostgresPool
    let now: Date
    var cappedOutput = MitigationLadder.cappedOutput
    var longPrompt = MitigationLadder.longPrompt

    /// - Parameter ask: Of the serving room, for who holds a connection of it already: whoever waits for a second one may wait for whoever does the same.
    func read(_ ask: ((SQL) async throws -> [PostgresRow])? = nil) async throws -> Demand {
        var demand = try await asked(ask)
        demand.aboveLimits = try await aboveLimits()
        return demand
    }

    private func asked(_ ask: ((SQL) async throws -> [PostgresRow])?) async throws -> Demand {
        let answers = try await billing.pipeline([span, services, tenants])
        // Of a burst that was shorter than the window only the time that it took is known.
        guard let seconds = try answers[0].first?.value("seconds", as: Int64?.self), seconds > 0 else { return Demand() }
        func hourly(_ count: Int64) -> Int64 { count * 3_600 / seconds }
        var demand = Demand()
        demand.services = try answers[1].map { row in
            Demand.Service(
                tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"),
                requests: hourly(try row.value("requests")), batchRequests: hourly(try row.value("batch")),
                longPrompts: hourly(try row.value("long")), tokensAboveCap: hourly(try row.value("above")))
        }
        let ids = try answers[2].map { try $0.value("tenant_id", as: UUID.self) }
        let limits = try await limits(ids, ask)
        for row in answers[2] {
            let id = try row.id("tenant_id")
            guard let limit = limits[id] else { continue }
            demand.tenants[id] = Demand.Tenant(
                requests: hourly(try row.value("requests")), tokens: hourly(try row.value("tokens")), allowedRequests: limit.requests * 60,
                allowedTokens: limit.tokens * 60)
        }
        return demand
    }

    private var newest: SQL {
        """
        (SELECT tenant_id, tier, model, region, accepted_at, prompt_tokens, completion_tokens, batch_deadline_us FROM billing.usage_event
            WHERE kind = 'final' AND accepted_at > \(now.addingTimeInterval(-Self.window)) AND accepted_at <= \(now)
            ORDER BY accepted_at DESC LIMIT \(Self.most)) AS request
        """
    }

    /// The whole window, unless there are more requests in it than are looked at.
    private var span: SQL {
        """
        SELECT CASE WHEN count(*) < \(Self.most) THEN \(Int64(Self.window))
            ELSE greatest(ceil(extract(epoch FROM \(now)::timestamptz - min(accepted_at)))::bigint, 1) END AS seconds FROM \(newest)
        """
    }

    private var services: SQL {
        """
        SELECT tier, model, region, count(*) AS requests, count(batch_deadline_us) AS batch,
            count(*) FILTER (WHERE prompt_tokens > \(longPrompt)) AS long,
            coalesce(sum(greatest(completion_tokens - \(cappedOutput), 0)), 0)::bigint AS above
        FROM \(newest) GROUP BY tier, model, region
        """
    }

    private var tenants: SQL {
        """
        SELECT tenant_id, count(*) AS requests, sum(prompt_tokens::bigint + completion_tokens)::bigint AS tokens
        FROM \(newest) GROUP BY tenant_id ORDER BY tokens DESC LIMIT 100
        """
    }

    /// Whose own limits refused it something; what a throttle refuses of that which is inside them is counted apart.
    private func aboveLimits() async throws -> Set<String> {
        let rows = try await reliability.query(
            """
            SELECT tenant_id FROM reliability.minute
            WHERE minute_at > \(now.addingTimeInterval(-Self.window)) AND minute_at <= \(now) AND NOT drill
                AND (outcomes ->> 'excluded:quota')::bigint > 0
            GROUP BY tenant_id
            """)
        return Set(try rows.map { try $0.id("tenant_id") })
    }

    /// Of a minute, by the tenant's tier.
    private func limits(
        _ ids: [UUID], _ ask: ((SQL) async throws -> [PostgresRow])?
    ) async throws -> [String: (requests: Int64, tokens: Int64)] {
        let query: SQL = """
            SELECT tenants.id, tiers.requests_per_minute::bigint AS requests, tiers.tokens_per_minute::bigint AS tokens
            FROM serving.tenants JOIN serving.tiers ON tiers.name = tenants.tier WHERE tenants.id = ANY(\(ids)::uuid[])
            """
        let rows = if let ask { try await ask(query) } else { try await serving.query(query) }
        return try rows.reduce(into: [:]) { $0[try $1.id("id")] = (try $1.value("requests"), try $1.value("tokens")) }
    }
}
