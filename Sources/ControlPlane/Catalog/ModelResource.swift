import Postgres

extension AdminResource {
    static let models = AdminResource(
        path: "models", kind: "model", table: "serving.models",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'display_name', r.display_name, 'kind', r.kind, 'state', r.state,
                    'context_tokens', r.context_tokens, 'long_context_tokens', r.long_context_tokens, 'tiers', r.tiers, 'probe_prompt', r.probe_prompt, 'probe_answer', r.probe_answer,
                    'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.models AS r", visible: "r.state <> 'deleted'"),
        fields: [
            AdminField("name", .modelName, .required, changeable: false),
            AdminField("display_name", .label, .required),
            AdminField("kind", .choice(["generation", "embedding"])),
            AdminField("context_tokens", .integer(1...10_000_000), .required),
            AdminField("long_context_tokens", .integer(1...10_000_000), nullable: true),
            AdminField("tiers", .slugs(atMost: 64)),
            AdminField("probe_prompt", .text(1...500), nullable: true),
            AdminField("probe_answer", .text(1...200), nullable: true),
            AdminField("state", .choice(["active", "hidden"]), .later),
        ],
        check: { connection, id in
            let missing: SQL = """
                SELECT wanted FROM serving.models AS model, unnest(model.tiers) AS wanted
                WHERE model.id = \(id) AND NOT EXISTS (SELECT 1 FROM serving.tiers WHERE tiers.name = wanted AND tiers.state = 'active') LIMIT 1
                """
            if let row = try await connection.queryOne(missing) {
                throw AdminRefusal.fault("tiers", "\(try row.value("wanted", as: String.self)) does not exist")
            }
        },
        blocker: { connection, id in
            let users: SQL = """
                SELECT 1 FROM serving.models AS model WHERE model.id = \(id)
                AND (EXISTS (SELECT 1 FROM serving.releases WHERE releases.model = model.name AND releases.state <> 'deleted')
                    OR EXISTS (SELECT 1 FROM serving.skus WHERE skus.model = model.name AND skus.state <> 'deleted'))
                """
            return try await connection.query(users).isEmpty ? nil : "releases or SKUs are of this model"
        }, reusesNames: true)
}
