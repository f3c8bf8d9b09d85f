import Postgres

/// Something that a field names, and that must be there: what is about nothing would be accepted and do nothing.
struct FieldLookup: Sendable {
    let field: String
    /// Finds no row where it is not there.
    let query: SQL
    var message = "does not exist"

    static func model(_ name: String, in field: String = "model") -> FieldLookup {
        FieldLookup(field: field, query: "SELECT 1 FROM serving.models WHERE name = \(name) AND state <> 'deleted'")
    }

    /// A region is what pools, gateways or SKUs are in.
    static func region(_ name: String, in field: String = "region") -> FieldLookup {
        FieldLookup(
            field: field,
            query: """
                SELECT 1 FROM (SELECT region FROM serving.pools WHERE state <> 'deleted'
                    UNION SELECT region FROM serving.gateways WHERE state = 'active'
                    UNION SELECT unnest(ARRAY[primary_region, backup_region]::text[]) FROM serving.skus WHERE state <> 'deleted') AS place
                WHERE region = \(name) LIMIT 1
                """)
    }

    /// Refuses each field that names nothing, all of them at once.
    static func check(_ lookups: [FieldLookup], _ connection: PostgresConnection) async throws {
        guard !lookups.isEmpty else { return }
        let answers = try await connection.pipeline(lookups.map(\.query))
        let faults = zip(lookups, answers).filter { $1.isEmpty }.map { AdminRefusal.Fault(param: $0.0.field, message: $0.0.message) }
        if !faults.isEmpty { throw AdminRefusal.faults(faults) }
    }

    /// Where something is, as far as it says so.
    static func checkPlace(model: String?, region: String?, _ connection: PostgresConnection) async throws {
        var lookups: [FieldLookup] = []
        if let model { lookups.append(.model(model)) }
        if let region { lookups.append(.region(region)) }
        try await check(lookups, connection)
    }
}
