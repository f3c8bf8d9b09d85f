import Domain
import FoundationEssentials
import HTTPTypes
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

    /// Of one host's workers.
    static func places(ofHost id: UUID, _ connection: PostgresConnection) async throws -> [FreezeScope] {
        try await connection.query(
            """
            SELECT DISTINCT releases.model, hosts.region FROM serving.hosts AS hosts JOIN serving.workers AS workers ON workers.host_id = hosts.id
            JOIN serving.releases AS releases ON releases.name = workers.release
            WHERE hosts.id = \(id) AND workers.accepted AND workers.retired_at IS NULL ORDER BY 1, 2
            """
        ).map { FreezeScope(model: try $0.value("model"), region: try $0.value("region")) }
    }

    /// Where a weight of a pool or provider is felt; that of pools without workers wherever in their regions some may come into them.
    static func places(ofWeight scope: String, _ name: String, _ connection: PostgresConnection) async throws -> [FreezeScope] {
        let places = try await places(of: scope, name, connection)
        guard places.isEmpty else { return places }
        return try await connection.query("SELECT DISTINCT region FROM serving.pools AS pool WHERE \(isOf(scope, name)) AND state <> 'deleted'").map {
            FreezeScope(region: try $0.value("region"))
        }
    }

    /// Whether a `pool` is the one, or one of the provider, that is meant.
    static func isOf(_ scope: String, _ name: String) -> SQL { scope == "pool" ? "pool.name = \(name)" : "pool.provider = \(name)" }

    /// Brings capacity back where it was taken out, which asks like any other change of what serves.
    static func bringingBack(
        _ places: [FreezeScope], subject: String, _ call: AdminCall, _ connection: PostgresConnection, _ work: () async throws -> AdminChange
    ) async throws -> AdminChange {
        try await FreezeDesk.admit(.providerSwap, places, subject: subject, call, connection)
        return try await CanaryDesk.guarding(.providerSwap, places, call, connection, work)
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

extension AdminResource {
    /// A pool that is made while a budget of its region does not allow everything takes nothing until its weight is raised, which asks.
    static let poolCreation = AdminRoute.change(.post, "pools") { call, fields, connection in
        guard case .change(let work) = pools.creation.work else { preconditionFailure("a creation is a change") }
        let done = try await work(call, &fields, connection)
        guard let id = UUID(uuidString: done.subjectId),
            let row = try await connection.queryOne("SELECT name, region FROM serving.pools WHERE id = \(id)")
        else { throw AdminRefusal.failed }
        let answer = try await FreezeDesk.ask(change: .providerSwap, FreezeScope(region: try row.value("region")), connection)
        guard answer.state != .normal else { return done }
        try await connection.execute(
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
            VALUES ('pool', \(try row.value("name", as: String.self)), 0, 'default', 'made while an error budget of its region is spent',
                \(call.actor.label))
            """)
        return done
    }

    /// Less weight protects; everything else of a worker asks where it serves.
    static let workerUpdate = AdminRoute.change(.patch, "workers/{id}") { call, fields, connection in
        guard case .change(let work) = workers.update.work else { preconditionFailure("an update is a change") }
        let id = try await workers.locked(call.reference, connection)
        let row = try await connection.queryOne(
            """
            SELECT worker.weight_ppm::bigint AS weight, releases.model, hosts.region FROM serving.workers AS worker
            JOIN serving.hosts AS hosts ON hosts.id = worker.host_id LEFT JOIN serving.releases AS releases ON releases.name = worker.release
            WHERE worker.id = \(id)
            """)
        guard let row else { throw AdminRefusal.notFound }
        var reader = fields
        let weight = reader.integer("weight_ppm", 0...1_000_000) ?? .max
        if try fields.names == ["weight_ppm"] && weight <= row.value("weight", as: Int64.self) { return try await work(call, &fields, connection) }
        let place = FreezeScope(model: try row.value("model"), region: try row.value("region"))
        reader = fields
        let done = try await SupplyChange.bringingBack([place], subject: "worker \(id.lowercased)", call, connection) {
            try await work(call, &reader, connection)
        }
        fields = reader
        return done
    }
}
