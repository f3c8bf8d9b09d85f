import FoundationEssentials
import Postgres

/// Changes of providers and pools as the freeze sees them: where they are felt, and which of them only take something bad away.
enum SupplyChange {
    /// Models and regions in which workers of a provider or a pool are; a budget of any other place says nothing about it.
    static func places(of scope: String, _ name: String, _ connection: PostgresConnection) async throws -> [FreezeScope] {
        let owner: SQL = scope == "pool" ? "pools.name = \(name)" : "pools.provider = \(name)"
        return try await connection.query(
            """
            SELECT DISTINCT releases.model, hosts.region FROM serving.pools AS pools JOIN serving.hosts AS hosts ON hosts.pool = pools.name
            JOIN serving.workers AS workers ON workers.host_id = hosts.id JOIN serving.releases AS releases ON releases.name = workers.release
            WHERE \(owner) AND hosts.state <> 'revoked' AND workers.accepted AND workers.retired_at IS NULL ORDER BY 1, 2
            """
        ).map { FreezeScope(model: try $0.value("model"), region: try $0.value("region")) }
    }

    /// Suspending, and nothing else at the same time. It protects: no freeze holds it.
    static func takesOut(_ fields: FieldReader) -> Bool {
        fields.names == ["state"] && fields.text(of: "state") == "suspended"
    }

    /// A weight that is lower than the one in force takes traffic away, which protects as well.
    static func takesOut(_ scope: String, _ name: String, weight: Int64, _ connection: PostgresConnection) async throws -> Bool {
        guard scope != "release" else { return false }
        let row = try await connection.queryOne(
            "SELECT weight_ppm::bigint AS weight FROM serving.current_routing_weights WHERE scope = \(scope) AND subject = \(name)")
        return weight < (try row?.value("weight", as: Int64.self) ?? 1_000_000)
    }
}
