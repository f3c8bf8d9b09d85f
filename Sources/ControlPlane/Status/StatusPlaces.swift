import Cryptography
import Postgres

/// A model in a region: a component of the status page.
struct StatusPlace: Hashable, Sendable {
    var model: String
    var region: String

    /// The same wherever and whenever it is made.
    var componentId: String { Hash.sha256("component\0\(model)\0\(region)").bytes.prefix(8).map { Hex.encode([$0]) }.joined() }
}

/// Which models are offered in which regions: where they are sold, where a worker serves them, and where neither is any more and customers still ask.
struct StatusPlaces: Sendable {
    /// Of the serving room.
    let pool: PostgresPool

    /// With the name of each model, in the order in which the page shows them.
    ///
    /// - Parameter asked: Places of the last page that customers ask for.
    func read(and asked: [StatusPlace]) async throws -> [(place: StatusPlace, modelName: String)] {
        let rows = try await pool.query(
            """
            SELECT DISTINCT models.name, models.display_name, place.region
            FROM serving.models AS models JOIN (
                SELECT model, primary_region::text AS region FROM serving.skus WHERE state = 'active'
                UNION SELECT model, backup_region::text FROM serving.skus WHERE state = 'active' AND backup_region IS NOT NULL
                UNION SELECT releases.model, hosts.region FROM serving.workers AS workers
                    JOIN serving.hosts AS hosts ON hosts.id = workers.host_id JOIN serving.releases AS releases ON releases.name = workers.release
                    WHERE workers.accepted AND workers.retired_at IS NULL AND hosts.state = 'active' AND releases.state = 'active'
                UNION SELECT asked.model, asked.region
                    FROM unnest(\(asked.map(\.model))::text[], \(asked.map(\.region))::text[]) AS asked (model, region)
            ) AS place ON place.model = models.name
            WHERE models.state = 'active' ORDER BY models.display_name, models.name, place.region
            """)
        return try rows.map { row in
            (StatusPlace(model: try row.value("name"), region: try row.value("region")), try row.value("display_name"))
        }
    }
}
