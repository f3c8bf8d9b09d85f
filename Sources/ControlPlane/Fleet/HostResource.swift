import Cryptography
import HTTPTypes
import FoundationEssentials
import Postgres

/// Hosts, and what an operator may ask of them.
enum HostResource {
    static let resource = AdminResource(
        path: "hosts", kind: "host", table: "serving.hosts",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'pool', r.pool, 'provider', pools.provider, 'region', r.region, 'state', r.state,
                    'intent', r.intent, 'generation', r.generation, 'observed_generation', r.observed_generation,
                    'agent_state', r.agent_state, 'version', r.version, 'link', r.link, 'link_address', r.link_address,
                    'linked_gateways', r.linked_gateways, 'inventory', r.inventory,
                    'certificate_not_after', serving.wire_time(r.certificate_not_after), 'lock_reason', r.lock_reason,
                    'revoke_reason', r.revoke_reason, 'clock_skew_milliseconds', r.clock_skew_milliseconds,
                    'reporting', \(Reporting.state("r.last_heartbeat_at")),
                    'last_heartbeat_at', serving.wire_time(r.last_heartbeat_at), 'enrolled_at', serving.wire_time(r.enrolled_at),
                    'created_at', serving.wire_time(r.enrolled_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.hosts AS r JOIN serving.pools ON pools.name = r.pool", order: "r.enrolled_at",
            filters: [
                .text("pool", "r.pool"), .text("provider", "pools.provider"), .text("region", "r.region"), .text("state", "r.state"),
                .choice("reporting", Reporting.state("r.last_heartbeat_at"), Reporting.states),
            ]),
        naming: .shared)

    private static let operations = Listing(
        document: """
            json_build_object('id', r.id, 'host', r.host_id, 'worker', r.worker_id, 'kind', r.kind, 'state', r.state, 'deadline', serving.wire_time(r.deadline),
                'message', r.message, 'open_requests', CASE WHEN r.state IN ('queued', 'sent', 'running') THEN (
                    SELECT sum((workers.load ->> 'relaying')::bigint) FROM serving.workers
                    WHERE workers.host_id = r.host_id AND workers.retired_at IS NULL AND workers.id = coalesce(r.worker_id, workers.id)) END,
                'requested_by', r.requested_by, 'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
            """,
        source: "serving.operations AS r", usualOrder: .descending, filters: [.text("state", "r.state")])

    static let operationList = AdminRoute.read("hosts/{id}/operations") { call, databases in
        try await operations(of: call, databases).page(call, databases.serving)
    }

    static let operation = AdminRoute.read("hosts/{id}/operations/{operation}") { call, databases in
        try call.refuseQuery()
        let listing = try await operations(of: call, databases)
        guard let id = UUID(uuidString: call.parameters["operation"] ?? ""),
            let found = try await listing.one(where: "r.id = \(id)", { try await databases.serving.queryOne($0) })
        else { throw AdminRefusal.notFound }
        return AdminAnswer(body: found.document)
    }

    static let drain = AdminRoute.change(.post, "hosts/{id}/drain") { call, fields, connection in
        try await lead(call, &fields, connection, .drain)
    }

    static let resume = AdminRoute.change(.post, "hosts/{id}/resume") { call, fields, connection in
        try await lead(call, &fields, connection, .resume)
    }

    static let revocation = AdminRoute.change(.post, "hosts/{id}/revoke") { call, fields, connection in
        let reason = fields.text("reason", .reason, .required)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        guard try await Revocation.revoke(connection, role: .agent, id: id, reason: reason ?? "") else {
            throw AdminRefusal.conflict("revoked", "this host is revoked already")
        }
        return try await resource.change(connection, id, "revoke")
    }

    private static func operations(of call: AdminCall, _ databases: ControlDatabases) async throws -> Listing {
        let host = try await resource.find(call.reference) { try await databases.serving.queryOne($0) }
        guard let id = UUID(uuidString: host.id) else { throw AdminRefusal.failed }
        var listing = operations
        listing.visible = "r.host_id = \(id)"
        return listing
    }

    /// The answer is the host with the id of the operation that tells how it went.
    private static func lead(
        _ call: AdminCall, _ fields: inout FieldReader, _ connection: PostgresConnection, _ command: HostCommand
    ) async throws -> AdminChange {
        let deadline = fields.integer("deadline_seconds", 1...86_400) ?? 600
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let given = { () async throws in try await give(command, to: id, within: deadline, call, connection) }
        let drained = try await connection.queryOne("SELECT 1 AS yes FROM serving.hosts WHERE id = \(id) AND intent = 'drain'")
        guard command == .resume, drained != nil else { return try await given() }
        let places = try await SupplyChange.places(ofHost: id, connection)
        return try await SupplyChange.bringingBack(places, subject: "resume of host \(id.lowercased)", call, connection, given)
    }

    private static func give(
        _ command: HostCommand, to id: UUID, within seconds: Int64, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws -> AdminChange {
        guard let operation = try await command.give(to: id, within: .seconds(seconds), by: call.actor.label, connection) else {
            throw AdminRefusal.conflict("revoked", "this host is locked or revoked")
        }
        var change = try await resource.change(connection, id, command.rawValue)
        change.document = AdminJSON.adding("operation", operation.uuidString.lowercased(), to: change.document)
        return change
    }
}
