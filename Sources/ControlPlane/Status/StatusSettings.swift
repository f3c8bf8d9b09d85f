import FoundationEssentials
import PlimsollWire
import Postgres

/// What an operator says of the page itself.
struct StatusSettings: Sendable {
    var page: StatusPage
    var regionNames: [String: String]

    static func read(_ pool: PostgresPool) async throws -> StatusSettings {
        let row = try await pool.queryOne(
            """
            SELECT page_id::text AS id, page_name, page_url, support_contact, support_hours, region_names::text AS region_names
            FROM reliability.status_settings
            """)
        guard let row else { throw PostgresError(.decoding, "there are no settings of the status page") }
        let names: String = try row.value("region_names")
        return StatusSettings(
            page: StatusPage(
                id: try row.value("id"), name: try row.value("page_name"), url: try row.value("page_url"),
                supportContact: try row.value("support_contact"), supportHours: try row.value("support_hours")),
            regionNames: try JSONDecoder().decode([String: String].self, from: Data(names.utf8)))
    }
}
