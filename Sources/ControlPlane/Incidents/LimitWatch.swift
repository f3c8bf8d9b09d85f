import Domain
import FoundationEssentials
import Postgres

/// Tenants that their own limits refuse again and again while workers have room: a person is asked whether to raise them.
struct LimitWatch: Sendable {
    struct Finding: Sendable {
        var tenant: UUID
        var model: String
        var region: String
        var refused: Int64

        var cause: String { "\(refused) requests for \(model) in \(region) were above the tenant's limits within 15 minutes, and workers have room" }
    }

    /// Of the last fifteen minutes: those with refusals, requests refused, and one in so many of all.
    private static let leastMinutes = 5
    private static let leastRefused = 20
    private static let share = 20
    /// Per cent of the slots of the model's workers in the region above which there is no room.
    private static let busy = 50

    let serving: PostgresPool
    let reliability: PostgresPool
    let now: Date

    func findings() async throws -> [Finding] {
        let rows = try await reliability.query(
            """
            SELECT tenant_id, model, region, sum(rate_limited)::bigint AS refused FROM reliability.minute
            WHERE minute_at > \(now.addingTimeInterval(-900)) AND minute_at <= \(now) AND NOT drill
            GROUP BY tenant_id, model, region
            HAVING sum(rate_limited) >= \(Self.leastRefused) AND sum(rate_limited) * \(Self.share) > sum(good + bad + rate_limited)
                AND count(DISTINCT minute_at) FILTER (WHERE rate_limited > 0) >= \(Self.leastMinutes)
            ORDER BY refused DESC LIMIT 50
            """)
        guard !rows.isEmpty else { return [] }
        let (roomy, calm) = (try await roomyPlaces(), try await calm(try rows.map { try $0.value("tenant_id") }))
        return try rows.map { row in
            Finding(
                tenant: try row.value("tenant_id"), model: try row.value("model"), region: try row.value("region"), refused: try row.value("refused"))
        }.filter { calm.contains($0.tenant) && roomy.contains(ServiceName(tier: "", model: $0.model, region: $0.region)) }
    }

    /// By those who take requests: who stands by, or has no share, is no room.
    private func roomyPlaces() async throws -> Set<ServiceName> {
        let rows = try await serving.query(
            """
            SELECT releases.model, hosts.region FROM serving.workers AS worker JOIN serving.hosts AS hosts ON hosts.id = worker.host_id
            JOIN serving.pools AS pools ON pools.name = hosts.pool JOIN serving.releases AS releases ON releases.name = worker.release
            WHERE worker.accepted AND worker.retired_at IS NULL AND worker.runtime_state = 'ready' AND worker.weight_ppm > 0
                AND pools.state = 'active' AND hosts.state = 'active' AND hosts.intent = 'serve'
                AND hosts.last_heartbeat_at > \(now.addingTimeInterval(-90))
                AND NOT EXISTS (SELECT 1 FROM serving.current_routing_weights AS own WHERE own.weight_ppm = 0 AND (own.scope, own.subject)
                    IN (('pool', pools.name::text), ('provider', pools.provider::text), ('release', releases.name::text)))
            GROUP BY releases.model, hosts.region
            HAVING sum(greatest((worker.load ->> 'running')::bigint, (worker.load ->> 'relaying')::bigint, 0)) * 100
                <= sum(worker.slots) * \(Self.busy)
            """)
        return Set(try rows.map { ServiceName(tier: "", model: try $0.value("model"), region: try $0.value("region")) })
    }

    /// Those that behave like themselves: an alarm is no reason for more.
    private func calm(_ tenants: [UUID]) async throws -> Set<UUID> {
        let rows = try await serving.query(
            """
            SELECT id FROM serving.tenants WHERE id = ANY(\(tenants)::uuid[]) AND state = 'active' AND throttle_ppm IS NULL
                AND NOT EXISTS (SELECT 1 FROM serving.behaviour WHERE behaviour.tenant_id = tenants.id AND behaviour.alarmed)
            """)
        return Set(try rows.map { try $0.value("id") })
    }
}
