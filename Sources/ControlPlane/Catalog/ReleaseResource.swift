import FoundationEssentials
import HTTPTypes
import Postgres

/// Releases of models. A release takes traffic by its routing weight, which is versioned apart.
enum ReleaseResource {
    static let resource = AdminResource(
        path: "releases", kind: "release", table: "serving.releases",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'model', r.model, 'state', r.state, 'weights_digest', r.weights_digest,
                    'quantisation', r.quantisation, 'image_digest', r.image_digest, 'dialects', r.dialects,
                    'min_context_tokens', r.min_context_tokens, 'min_memory_bytes', r.min_memory_bytes,
                    'min_vram_bytes', r.min_vram_bytes, 'min_disk_bytes', r.min_disk_bytes,
                    'min_compute_capability', r.min_compute_capability,
                    'weight_ppm', (SELECT weight_ppm FROM serving.current_routing_weights WHERE scope = 'release' AND subject = r.name),
                    'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.releases AS r", visible: "r.state <> 'deleted'",
            filters: [.text("model", "r.model"), .text("state", "r.state")]),
        fields: fields,
        check: { connection, id in
            let model: SQL =
                "SELECT 1 FROM serving.releases JOIN serving.models ON models.name = model WHERE releases.id = \(id) AND models.state <> 'deleted'"
            guard try await !connection.query(model).isEmpty else { throw AdminRefusal.fault("model", "does not exist") }
        },
        blocker: { connection, id in
            let workers: SQL = """
                SELECT 1 FROM serving.workers JOIN serving.releases ON releases.name = workers.release
                WHERE releases.id = \(id) AND workers.retired_at IS NULL AND workers.accepted LIMIT 1
                """
            return try await connection.query(workers).isEmpty ? nil : "workers serve this release"
        },
        gate: { call, connection, id in
            let row = try await connection.queryOne("SELECT name, model FROM serving.releases WHERE id = \(id)")
            let scope = FreezeScope(model: try row?.value("model", as: String.self))
            try await FreezeDesk.admit(.deployment, scope, subject: "release \(try row?.value("name", as: String.self) ?? "")", call, connection)
        }, reusesNames: true)

    private static let bytes = FieldKind.integer(0...1_000_000_000_000_000)
    private static let fields = [
        AdminField("name", .modelName, .required, changeable: false),
        AdminField("model", .modelName, .required, changeable: false),
        AdminField("state", .choice(["active", "retired"]), .later),
        AdminField("weights_digest", .digest, nullable: true),
        AdminField("quantisation", .slug, nullable: true),
        AdminField("image_digest", .digest, nullable: true),
        AdminField("dialects", .choices(["llamacpp", "vllm"])),
        AdminField("min_context_tokens", .integer(1...10_000_000)),
        AdminField("min_memory_bytes", bytes),
        AdminField("min_vram_bytes", bytes),
        AdminField("min_disk_bytes", bytes),
        AdminField("min_compute_capability", .capability, nullable: true),
    ]

    static let update = AdminRoute.change(.patch, "releases/{id}") { call, fields, connection in
        guard case .change(let update) = resource.update.work else { preconditionFailure("an update is a change") }
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne("SELECT name, model FROM serving.releases WHERE id = \(id)")
        let isReplaced = fields.has("image_digest") || fields.has("weights_digest")
        var reader = fields
        let done = try await CanaryDesk.guarding(
            .deployment, [FreezeScope(model: try row?.value("model", as: String.self))],
            replaced: isReplaced ? try row?.value("name", as: String.self) : nil, call, connection
        ) { try await update(call, &reader, connection) }
        fields = reader
        return done
    }

    /// The first release of a model takes all of its traffic, later ones none until a weight is set.
    static let creation = AdminRoute.change(.post, "releases") { call, fields, connection in
        guard case .change(let create) = resource.creation.work else { preconditionFailure("a creation is a change") }
        var change = try await create(call, &fields, connection)
        guard let id = UUID(uuidString: change.subjectId) else { return change }
        try await resource.gate(call, connection, id)
        try await connection.execute(
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
            SELECT 'release', release.name, CASE WHEN others.found THEN 0 ELSE 1000000 END, 'default',
                CASE WHEN others.found THEN 'a new release takes nothing until its weight is set' ELSE 'the first release of its model' END,
                \(call.actor.label)
            FROM serving.releases AS release, LATERAL (
                SELECT EXISTS (SELECT 1 FROM serving.releases AS other
                    WHERE other.model = release.model AND other.id <> release.id AND other.state = 'active') AS found) AS others
            WHERE release.id = \(id)
            """)
        change = try await resource.change(connection, id, "create", status: .created)
        return change
    }
}
