import FoundationEssentials
import HTTPTypes
import Postgres

/// What an operator says of the status page itself: its name, its address, whom to ask and when.
enum StatusPageResource {
    private static let document: SQL = """
        SELECT json_build_object('id', page_id, 'name', page_name, 'url', page_url, 'support_contact', support_contact,
            'support_hours', support_hours, 'updated_at', serving.wire_time(updated_at))::text AS document FROM reliability.status_settings
        """

    static let single = AdminRoute.read("status-page") { call, databases in
        try call.refuseQuery()
        guard let row = try await databases.serving.queryOne(document) else { throw AdminRefusal.notFound }
        return AdminAnswer(body: try row.value("document"))
    }

    static let update = AdminRoute.change(.patch, "status-page") { call, fields, connection in
        let page = (fields.text("name", .label), fields.text("url", .text(9...240)))
        let support = (fields.text("support_contact", .label), fields.text("support_hours", .label))
        let (region, regionName) = (fields.text("region", .slug), fields.text("region_name", .label))
        if (region == nil) != (regionName == nil) { fields.add("region_name", "and region are given together") }
        try fields.finish()
        try await connection.execute(
            """
            UPDATE reliability.status_settings SET page_name = coalesce(\(page.0), page_name), page_url = coalesce(\(page.1), page_url),
                support_contact = coalesce(\(support.0), support_contact), support_hours = coalesce(\(support.1), support_hours),
                region_names = CASE WHEN \(region)::text IS NULL THEN region_names
                    ELSE region_names || jsonb_build_object(\(region)::text, \(regionName)::text) END, updated_at = now()
            """)
        guard let row = try await connection.queryOne(document) else { throw AdminRefusal.notFound }
        return AdminChange(document: try row.value("document"), action: "update", subjectKind: "status_page", subjectId: "status-page")
    }
}
