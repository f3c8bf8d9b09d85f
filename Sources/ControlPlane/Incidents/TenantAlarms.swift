import Domain
import FoundationEssentials
import Postgres

/// Tenants that began to behave unlike themselves lately, and what they ask for: a sign beside those of a trouble, and who is throttled for it.
struct TenantAlarms: Sendable {
    struct Alarm: Sendable {
        var event: UUID
        var tenant: UUID
        /// For operators.
        var text: String
        /// It has not become itself again.
        var isStanding: Bool
        /// Tokens of the last five minutes, by model and region.
        var tokens: [ServiceName: Int64] = [:]

        func tokens(of incident: OpenIncident) -> Int64 {
            tokens.reduce(0) { sum, use in
                let isMeant =
                    (incident.tier.isEmpty || incident.tier == use.key.tier) && (incident.model.isEmpty || incident.model == use.key.model)
                    && (incident.region.isEmpty || incident.region == use.key.region)
                return isMeant ? sum + use.value : sum
            }
        }
    }

    private static let recent = 900.0

    let serving: PostgresPool
    let reliability: PostgresPool
    let now: Date

    func read() async throws -> [Alarm] {
        let rows = try await serving.query(
            """
            SELECT event.id, event.tenant_id, event.detail ->> 'signal' AS signal, event.detail ->> 'observed' AS observed,
                event.detail ->> 'usual' AS usual, EXISTS (SELECT 1 FROM serving.behaviour
                    WHERE behaviour.tenant_id = event.tenant_id AND behaviour.alarmed) AS standing
            FROM serving.abuse_events AS event
            WHERE event.kind = 'anomaly' AND event.tenant_id IS NOT NULL AND event.at > \(now.addingTimeInterval(-Self.recent)) AND event.at <= \(now)
            ORDER BY event.at DESC, event.id LIMIT 100
            """)
        guard !rows.isEmpty else { return [] }
        var alarms = try rows.map { row in
            let tenant: UUID = try row.value("tenant_id")
            let (signal, observed, usual): (String?, String?, String?) = (
                try row.value("signal"), try row.value("observed"), try row.value("usual")
            )
            return Alarm(
                event: try row.value("id"), tenant: tenant,
                text: "tenant \(tenant.lowercased) behaves unlike itself: \(observed ?? "?") \(signal ?? "?") in a minute, usually \(usual ?? "?")",
                isStanding: try row.value("standing"))
        }
        let uses = try await reliability.query(
            """
            SELECT tenant_id, tier, model, region, sum(prompt_tokens + completion_tokens)::bigint AS tokens FROM reliability.minute
            WHERE minute_at > \(now.addingTimeInterval(-300)) AND minute_at <= \(now) AND tenant_id = ANY(\(alarms.map(\.tenant))::uuid[])
            GROUP BY tenant_id, tier, model, region
            """)
        for row in uses {
            let tenant: UUID = try row.value("tenant_id")
            let name = ServiceName(tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"))
            for index in alarms.indices where alarms[index].tenant == tenant { alarms[index].tokens[name] = try row.value("tokens") }
        }
        return alarms
    }
}

extension [TenantAlarms.Alarm] {
    /// Of those who ask for what the incident is about, who asks for most.
    func loudest(_ incident: OpenIncident) -> UUID? {
        filter { $0.isStanding && $0.tokens(of: incident) > 0 }.max { $0.tokens(of: incident) < $1.tokens(of: incident) }?.tenant
    }
}
