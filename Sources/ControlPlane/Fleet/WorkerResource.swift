import FoundationEssentials
import HTTPTypes
import Postgres

extension AdminResource {
    static let workers = AdminResource(
        path: "workers", kind: "worker", table: "serving.workers",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'host', r.host_id, 'runtime', r.runtime, 'release', r.release, 'dialect', r.dialect,
                    'served_model', r.served_model, 'runtime_version', r.runtime_version, 'runtime_state', r.runtime_state,
                    'restartable', r.restartable, 'image_digest', r.image_digest, 'weights_digest', r.weights_digest, 'slots', r.slots,
                    'context_tokens', r.context_tokens, 'weight_ppm', r.weight_ppm, 'trust_class', r.trust_class, 'accepted', r.accepted, 'refusal', r.refusal, 'load', r.load,
                    'out', (SELECT coalesce(json_agg(json_build_object('gateway', gateway.name, 'reason', gateway.workers_out->>r.id::text)
                            ORDER BY gateway.name), '[]'::json)
                        FROM serving.gateways AS gateway
                        WHERE gateway.workers_out ? r.id::text AND gateway.workers_out_at > now() - \(FleetIntake.fresh)),
                    'reporting', \(Reporting.state("host.last_heartbeat_at")),
                    'last_reported_at', serving.wire_time(r.last_reported_at), 'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.workers AS r JOIN serving.hosts AS host ON host.id = r.host_id", visible: "r.retired_at IS NULL",
            filters: [
                .reference("host", "r.host_id", to: HostResource.resource), .text("release", "r.release"), .text("accepted", "r.accepted"),
                .choice("reporting", Reporting.state("host.last_heartbeat_at"), Reporting.states),
            ]),
        naming: .none,
        fields: [
            AdminField("weight_ppm", .integer(0...1_000_000)), AdminField("trust_class", .choice(["standard", "trusted"]), nullable: true),
        ])

    /// The answer is the worker with the id of the operation that tells how it went.
    static let workerRestart = AdminRoute.change(.post, "workers/{id}/restart") { call, fields, connection in
        let seconds = fields.integer("deadline_seconds", 30...86_400) ?? WorkerRestart.usualSeconds
        try fields.finish()
        let id = try await workers.locked(call.reference, connection)
        switch try await WorkerRestart.order(id, within: seconds, by: call.actor.label, at: Date(), connection) {
        case .ordered(let operation):
            var change = try await workers.change(connection, id, "restart")
            change.document = AdminJSON.adding("operation", operation.lowercased, to: change.document)
            return change
        case .notOurs: throw AdminRefusal.conflict("not_restartable", "this worker's agent did not start its runtime")
        case .underWay: throw AdminRefusal.conflict("under_way", "this worker is being restarted")
        case .noHost: throw AdminRefusal.conflict("revoked", "this worker's host is locked or revoked")
        }
    }
}
