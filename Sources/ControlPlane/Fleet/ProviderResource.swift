import Postgres

extension AdminResource {
    static let providers = AdminResource(
        path: "providers", kind: "provider", table: "serving.providers",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'display_name', r.display_name, 'kind', r.kind, 'trust_class', r.trust_class,
                    'state', r.state, 'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.providers AS r", visible: "r.state <> 'deleted'"),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("display_name", .label, .required),
            AdminField("kind", .choice(["marketplace", "independent", "decentralised", "reserved"]), .required),
            AdminField("trust_class", .choice(["standard", "trusted"])),
            AdminField("state", .choice(["active", "suspended"]), .later),
        ],
        blocker: { connection, id in
            let pools: SQL = """
                SELECT 1 FROM serving.pools JOIN serving.providers ON providers.name = pools.provider
                WHERE providers.id = \(id) AND pools.state <> 'deleted'
                """
            return try await connection.query(pools).isEmpty ? nil : "pools are of this provider"
        },
        gate: { call, connection, id in
            let row = try await connection.queryOne("SELECT name FROM serving.providers WHERE id = \(id)")
            let name = try row?.value("name", as: String.self) ?? ""
            let places = try await SupplyChange.places(of: "provider", name, connection)
            try await FreezeDesk.admit(.providerSwap, places, subject: "provider \(name)", call, connection)
        }, isFree: SupplyChange.takesOut, reusesNames: true)

    static let pools = AdminResource(
        path: "pools", kind: "pool", table: "serving.pools",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'provider', r.provider, 'region', r.region, 'kind', r.kind,
                    'context_class', r.context_class, 'state', r.state, 'hour_price_micro_usd', r.hour_price_micro_usd, 'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.pools AS r", visible: "r.state <> 'deleted'",
            filters: [.text("provider", "r.provider"), .text("region", "r.region")]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("provider", .slug, .required, changeable: false),
            AdminField("region", .slug, .required, changeable: false),
            AdminField("kind", .choice(["shared", "warm", "reserved"])),
            AdminField("context_class", .choice(["standard", "long"])),
            AdminField("hour_price_micro_usd", .integer(0...1_000_000_000_000), nullable: true),
            AdminField("state", .choice(["active", "suspended"]), .later),
        ],
        check: { connection, id in
            let provider: SQL = """
                SELECT 1 FROM serving.pools JOIN serving.providers ON providers.name = pools.provider
                WHERE pools.id = \(id) AND providers.state <> 'deleted'
                """
            guard try await !connection.query(provider).isEmpty else { throw AdminRefusal.fault("provider", "does not exist") }
        },
        blocker: { connection, id in
            let hosts: SQL = """
                SELECT 1 FROM serving.hosts JOIN serving.pools ON pools.name = hosts.pool WHERE pools.id = \(id) AND hosts.state <> 'revoked'
                """
            return try await connection.query(hosts).isEmpty ? nil : "hosts are in this pool"
        },
        gate: { call, connection, id in
            let row = try await connection.queryOne("SELECT name FROM serving.pools WHERE id = \(id)")
            let name = try row?.value("name", as: String.self) ?? ""
            let places = try await SupplyChange.places(of: "pool", name, connection)
            try await FreezeDesk.admit(.providerSwap, places, subject: "pool \(name)", call, connection)
        }, isFree: SupplyChange.takesOut, reusesNames: true)
}
