import Postgres

extension NameScrub {
    /// - Parameters:
    ///   - reader: The tenant whose own name may stand; without one it is the public that reads.
    ///   - run: In the serving room.
    static func read(for reader: SQL = "NULL::uuid", _ run: (SQL) async throws -> [PostgresRow]) async throws -> NameScrub {
        try NameScrub(try await run(names(for: reader)))
    }

    /// Of `names`.
    init(_ rows: [PostgresRow]) throws {
        var (capacity, customers): ([String], [String]) = ([], [])
        for row in rows {
            let name: String = try row.value("name")
            if try row.value("is_customer") { customers.append(name) } else { capacity.append(name) }
        }
        self.init(capacity, customers: customers)
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

    /// Of everything that the reader must not see. What a model, tier or region is called, too, is public.
    static func names(for reader: SQL) -> SQL {
        """
        SELECT name, bool_and(is_customer) AS is_customer FROM (
            SELECT unnest(ARRAY[name::text, display_name::text]) AS name, false AS is_customer FROM serving.providers
            UNION ALL SELECT name::text, false FROM serving.pools
            UNION ALL SELECT unnest(ARRAY[name, id::text, inventory ->> 'hostname']), false FROM serving.hosts
            UNION ALL SELECT id::text, false FROM serving.workers UNION ALL SELECT unnest(ARRAY[name, id::text]), false FROM serving.gateways
            UNION ALL SELECT unnest(ARRAY[name::text, display_name::text, id::text]), true FROM serving.tenants WHERE id IS DISTINCT FROM \(reader)
        ) AS known
        WHERE char_length(name) > 1 AND NOT EXISTS (SELECT 1 FROM (SELECT name::text FROM serving.models UNION SELECT name::text FROM serving.tiers
            UNION SELECT region::text FROM serving.pools UNION SELECT region::text FROM serving.gateways) AS told WHERE told.name = known.name)
        GROUP BY name
        """
    }
}
