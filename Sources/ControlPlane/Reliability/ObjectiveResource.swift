import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Objectives: what must be reached, for whom. The most specific one holds.
enum ObjectiveResource {
    static let resource = AdminResource(
        path: "objectives", kind: "objective", table: "reliability.objective",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'kind', r.kind, 'tenant', r.tenant_id, 'tier', r.tier, 'model', r.model,
                    'region', r.region, 'target_ppm', r.target_ppm, 'threshold_microseconds', r.threshold_microseconds,
                    'bad_above_ppm', CASE WHEN r.kind = 'availability' THEN r.bad_above_ppm END, 'period', r.period, 'time_zone', r.time_zone, 'burn_alerts', r.burn_alerts,
                    'freezes', r.freezes, 'unmeasured_tiers', CASE WHEN r.kind = 'ttft_p95' THEN ARRAY(SELECT own.tier FROM reliability.tier_threshold AS own
                        WHERE own.microseconds <> r.threshold_microseconds
                            AND own.tier = coalesce(r.tier, (SELECT tenants.tier FROM serving.tenants WHERE tenants.id = r.tenant_id), own.tier)
                        ORDER BY own.tier) ELSE '{}' END,
                    'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "reliability.objective AS r", visible: "r.state <> 'deleted'", usualOrder: .descending,
            filters: [
                .choice("kind", "r.kind", ObjectiveKind.allCases.map(\.rawValue)), .reference("tenant", "r.tenant_id", to: .tenants),
                .text("tier", "r.tier"), .text("model", "r.model"), .text("region", "r.region"),
            ]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("kind", .choice(ObjectiveKind.allCases.map(\.rawValue)), .required, changeable: false),
            AdminField("tier", .slug, changeable: false),
            AdminField("model", .modelName, changeable: false),
            AdminField("region", .slug, changeable: false),
            AdminField("target_ppm", .integer(1...1_000_000), .required),
            AdminField("threshold_microseconds", .integer(1_000...3_600_000_000)),
            AdminField("bad_above_ppm", .integer(0...1_000_000), nullable: true),
            AdminField("period", .choice(["calendar", "rolling"])),
            AdminField("time_zone", .label),
            AdminField("burn_alerts", .boolean),
            AdminField("freezes", .boolean),
        ],
        check: { connection, id in try await check(connection, id) },
        blocker: { connection, id in try await KeptPromises.blocker(of: id, connection) })

    static let creation = AdminRoute.change(.post, "objectives") { call, fields, connection in
        let tenant = fields.text("tenant", .reference)
        // Only what customers cannot do without holds changes up unasked.
        let freezes = fields.text(of: "kind") == ObjectiveKind.availability.rawValue
        let written = try await TenantOwned.insert(
            resource, "reliability.objective", tenant: tenant, &fields, connection, more: fields.has("freezes") ? [] : [("freezes", "\(freezes)")])
        try await resource.check(connection, written)
        return try await resource.change(connection, written, "create", status: .created)
    }

    /// What gateways count is over the tier's own threshold, so no other can be judged; zones must be known to the database.
    static func check(_ connection: PostgresConnection, _ id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT o.kind, o.threshold_microseconds AS threshold, tier.ttft_objective_microseconds AS counted,
                EXISTS (SELECT 1 FROM pg_timezone_names AS zone WHERE zone.name = o.time_zone) AS zone_known,
                o.tier IS NOT NULL AND tier.name IS NULL AS no_tier,
                o.model IS NOT NULL AND NOT EXISTS (SELECT 1 FROM serving.models WHERE models.name = o.model AND models.state <> 'deleted') AS no_model
            FROM reliability.objective AS o LEFT JOIN serving.tenants AS tenant ON tenant.id = o.tenant_id
            LEFT JOIN serving.tiers AS tier ON tier.name = coalesce(o.tier, tenant.tier) AND tier.state <> 'deleted' WHERE o.id = \(id)
            """)
        guard let row else { throw AdminRefusal.notFound }
        if try !row.value("zone_known", as: Bool.self) { throw AdminRefusal.fault("time_zone", "must be a zone such as Europe/Berlin") }
        if try row.value("no_tier") { throw AdminRefusal.fault("tier", "does not exist") }
        if try row.value("no_model") { throw AdminRefusal.fault("model", "does not exist") }
        let counted = try row.value("counted", as: Int64?.self)
        if try row.value("kind", as: String.self) == ObjectiveKind.firstToken.rawValue, let counted,
            try row.value("threshold", as: Int64?.self) != counted
        {
            throw AdminRefusal.fault(
                "threshold_microseconds",
                "must be \(counted), which is what gateways count against for this tier; change the tier's, and this goes with it")
        }
    }
}

/// Rows of one tenant or of all.
enum TenantOwned {
    /// Inserts what the body says of the resource's fields, with the tenant as its column.
    static func insert(
        _ resource: AdminResource, _ table: SQL, tenant reference: String?, _ fields: inout FieldReader, _ connection: PostgresConnection,
        more: [(column: SQL, value: SQL)] = []
    ) async throws -> UUID {
        var columns = more.map { ", \($0.column)" as SQL }
        var values = more.map { ", \($0.value)" as SQL }
        for field in resource.fields where field.presence != .later && fields.has(field.name.description) {
            let value = fields.value(field)
            columns.append(", \(identifier: field.name)")
            values.append(value.map { ", \($0)" } ?? ", NULL")
        }
        // Names what is required and absent.
        for field in resource.fields where field.presence == .required && !fields.has(field.name.description) { _ = fields.value(field) }
        // The others are known too.
        for field in resource.fields where field.presence == .optional && !fields.has(field.name.description) { _ = fields.value(field) }
        try fields.finish()
        let tenant = try await tenant(reference, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO \(table) (tenant_id\(SQL.joined(columns, separator: ""))) VALUES (\(tenant)\(SQL.joined(values, separator: "")))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return id
    }

    static func tenant(_ reference: String?, _ connection: PostgresConnection) async throws -> UUID? {
        guard let reference else { return nil }
        do {
            return try await AdminResource.tenants.locked(reference, connection)
        } catch is AdminRefusal {
            throw AdminRefusal.fault("tenant", "does not exist")
        }
    }
}
