import Postgres

extension NameScrub {
    /// As `names` says it.
    private enum Kind: String {
        case capacity, customer, told
    }

    /// - Parameters:
    ///   - reader: The tenant whose own name may stand; without one it is the public that reads.
    ///   - run: In the serving room.
    static func read(for reader: SQL = "NULL::uuid", _ run: (SQL) async throws -> [PostgresRow]) async throws -> NameScrub {
        try NameScrub(try await run(names(for: reader)))
    }

    /// Of `names`.
    init(_ rows: [PostgresRow]) throws {
        var names: [Kind: [String]] = [:]
        for row in rows {
            guard let kind = Kind(rawValue: try row.value("kind")) else { continue }
            names[kind, default: []].append(try row.value("name"))
        }
        self.init(names[.capacity] ?? [], customers: names[.customer] ?? [], told: names[.told] ?? [])
    }

    /// Refuses words that customers will read where they name one.
    static func refuse(
        _ texts: [(field: String, text: String?)], for reader: SQL = "NULL::uuid", _ connection: PostgresConnection
    ) async throws {
        let scrub = try await read(for: reader) { try await connection.query($0) }
        for (field, text) in texts {
            if let name = text.flatMap({ scrub.found(in: $0) }) {
                throw AdminRefusal.fault(field, "names \(name): customers read it, and see no provider, pool, host or gateway, and no other customer")
            }
        }
    }

    /// Of everything that the reader must not see, and of what is public whatever it is called: models, tiers and regions.
    static func names(for reader: SQL) -> SQL {
        """
        SELECT DISTINCT name, kind FROM (
            SELECT unnest(ARRAY[name::text, display_name::text]) AS name, 'capacity' AS kind FROM serving.providers
            UNION ALL SELECT name::text, 'capacity' FROM serving.pools
            UNION ALL SELECT unnest(ARRAY[name, id::text, inventory ->> 'hostname']), 'capacity' FROM serving.hosts
            UNION ALL SELECT id::text, 'capacity' FROM serving.workers
            UNION ALL SELECT unnest(ARRAY[name, id::text]), 'capacity' FROM serving.gateways
            UNION ALL SELECT unnest(ARRAY[name::text, display_name::text, id::text]), CASE WHEN id = \(reader) THEN 'told' ELSE 'customer' END
                FROM serving.tenants
            UNION ALL SELECT unnest(ARRAY[name::text, display_name::text]), 'told' FROM serving.models
            UNION ALL SELECT unnest(ARRAY[name::text, display_name::text]), 'told' FROM serving.tiers
            UNION ALL SELECT region::text, 'told' FROM serving.pools UNION ALL SELECT region::text, 'told' FROM serving.gateways
            UNION ALL SELECT value, 'told' FROM reliability.status_settings, jsonb_each_text(region_names)
        ) AS known WHERE char_length(name) > 1
        """
    }
}
