import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Drills: what was and is broken on purpose, and what came of it.
enum DrillResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'number', r.number, 'kind', r.kind, 'worker', r.worker_id, 'provider', r.provider, 'region', r.region,
                'models', r.models, 'regions', r.regions, 'delay_milliseconds', r.delay_milliseconds, 'compression', r.compression, 'reason', r.reason,
                'requested_by', r.requested_by, 'state', CASE WHEN r.ended_at IS NULL THEN 'running' WHEN r.report IS NULL THEN 'settling'
                    ELSE coalesce(r.report ->> 'verdict', CASE WHEN r.held THEN 'held' ELSE 'failed' END) END,
                'started_at', serving.wire_time(r.started_at), 'until', serving.wire_time(r.until_at),
                'ended_at', serving.wire_time(r.ended_at), 'end_reason', r.end_reason, 'report', r.report)
            """,
        source: "reliability.drill AS r", order: "r.started_at", usualOrder: .descending,
        filters: [
            .choice("kind", "r.kind", DrillKind.allCases.map(\.rawValue)), .since("r.started_at"), .until("r.started_at"),
        ])

    static let routes = [list, single, creation, abortion]

    private static let list = AdminRoute.read("drills") { call, databases in try await listing.page(call, databases.serving) }

    private static let single = AdminRoute.read("drills/{id}") { call, databases in
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference),
            let found = try await listing.one(where: "r.id = \(id)", { try await databases.serving.queryOne($0) })
        else { throw AdminRefusal.notFound }
        return AdminAnswer(body: found.document)
    }

    private static let creation = AdminRoute.change(.post, "drills") { call, fields, connection in
        var plan = try DrillPlan(&fields)
        let now = Date()
        // What is decided meanwhile is seen from here on, and who decides next sees this drill: else each could take what the other leaves.
        try await MitigationDesk(connection: connection, now: now).takeTurn()
        try await plan.chooseTarget(connection)
        let scope = try await plan.touches(connection)
        let (models, regions) = (scope.models, scope.regions)
        guard try await connection.query("SELECT 1 FROM reliability.drill WHERE ended_at IS NULL").isEmpty else {
            throw AdminRefusal.conflict("drill_running", "another drill runs; wait for its end, or abort it")
        }
        let trouble = try await DrillTrouble(scope: scope, connection: connection).refusal()
        if let trouble, plan.overrideReason == nil { throw trouble }
        try await plan.checkBounds(connection)
        if plan.kind.mustBeDetected {
            let remains = DrillRemains(scope: scope, compression: plan.compression, connection: connection, now: now)
            if let words = try await remains.words() { throw AdminRefusal.conflict("not_settled", words) }
        }
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.drill (kind, worker_id, provider, region, models, regions, delay_milliseconds, compression, reason,
                requested_by, started_at, until_at, bad_before)
            VALUES (\(plan.kind.rawValue), \(plan.worker), \(plan.provider), \(plan.region), \(models), \(regions), \(plan.delayMilliseconds),
                \(plan.compression), \(plan.reason), \(call.actor.label), \(now), \(now.addingTimeInterval(Double(plan.seconds))),
                (SELECT coalesce(sum(bad), 0)::bigint FROM reliability.minute
                    WHERE minute_at = date_trunc('minute', \(now)::timestamptz) AND NOT drill AND model = ANY(\(models))
                        AND (cardinality(\(regions)::text[]) = 0 OR region = ANY(\(regions)))))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await change(connection, id, trouble == nil ? "start" : "override", status: .created)
    }

    private static let abortion = AdminRoute.change(.post, "drills/{id}/abort") { call, fields, connection in
        try fields.finish()
        guard let id = UUID(uuidString: call.reference),
            try await connection.queryOne("SELECT id FROM reliability.drill WHERE id = \(id) FOR UPDATE") != nil
        else { throw AdminRefusal.notFound }
        let ended = try await connection.execute(
            "UPDATE reliability.drill SET ended_at = \(Date()), end_reason = 'aborted' WHERE id = \(id) AND ended_at IS NULL")
        guard ended == 1 else { throw AdminRefusal.conflict("over", "this drill is over") }
        return try await change(connection, id, "abort")
    }

    private static func change(
        _ connection: PostgresConnection, _ id: UUID, _ action: String, status: HTTPResponse.Status = .ok
    ) async throws -> AdminChange {
        guard let found = try await listing.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        return AdminChange(status: status, document: found.document, action: action, subjectKind: "drill", subjectId: id.lowercased)
    }
}

/// What an operator wants to be broken, and whether that is within bounds.
private struct DrillPlan {
    let kind: DrillKind
    /// Nil where the kind does not ask for it.
    private(set) var worker: UUID?
    private(set) var provider: String?
    let region: String?
    let delayMilliseconds: Int?
    let seconds: Int64
    let compression: Int
    let reason: String
    /// Why it may begin in the middle of real trouble.
    let overrideReason: String?

    /// What customers of a slow region may be made to wait at most: the delay times its seconds, in milliseconds times seconds. It is a second for
    /// the longest drill, and the longest delay for a quarter of a minute.
    private static let mostDelay: Int64 = 900_000

    init(_ fields: inout FieldReader) throws {
        let kind = fields.text("kind", .choice(DrillKind.allCases.map(\.rawValue)), .required).flatMap(DrillKind.init) ?? .workerLoss
        let worker = fields.text("worker", .reference)
        self.kind = kind
        self.worker = worker.flatMap(UUID.init(uuidString:))
        provider = fields.text("provider", .slug)
        region = fields.text("region", .slug)
        delayMilliseconds = fields.integer("delay_milliseconds", 1...60_000).map(Int.init)
        seconds = fields.integer("seconds", 5...900) ?? 120
        compression = Int(fields.integer("compression", 1...60) ?? 1)
        reason = fields.text("reason", .reason, .required) ?? ""
        overrideReason = fields.text("override_reason", .reason)
        if worker != nil, self.worker == nil { fields.add("worker", "must be a UUID") }
        for (name, isGiven, hasMeaning) in [
            ("worker", worker != nil, isOfWorker), ("provider", provider != nil, kind == .providerLoss),
            ("delay_milliseconds", delayMilliseconds != nil, kind == .slowRegion), ("region", region != nil, !isOfWorker),
        ] where isGiven && !hasMeaning {
            fields.add(name, "has no meaning for this kind")
        }
        if kind == .slowRegion, delayMilliseconds == nil { fields.add("delay_milliseconds", "is required for this kind") }
        if kind == .slowRegion, region == nil { fields.add("region", "is required for this kind") }
        if let delayMilliseconds, Int64(delayMilliseconds) * seconds > Self.mostDelay {
            fields.add(
                "delay_milliseconds",
                "times seconds may be at most \(Self.mostDelay): in \(seconds) seconds at most \(Self.mostDelay / seconds) milliseconds")
        }
        try fields.finish()
    }

    private var isOfWorker: Bool { kind == .workerLoss || kind == .wrongAnswers }

    /// Without a target the provider with the fewest workers whose loss would be within bounds, and one of its workers.
    mutating func chooseTarget(_ connection: PostgresConnection) async throws {
        guard kind.takesWorkers, worker == nil, provider == nil else { return }
        let rows = try await connection.query(
            """
            WITH rotating AS (SELECT worker.id, pool.provider, release.model, host.region, \(Reporting.isCurrent("host.last_heartbeat_at")) AS speaks,
                    EXISTS (SELECT 1 FROM reliability.provider_score AS score WHERE score.provider = pool.provider AND score.low) AS low
                FROM \(Rotation.workers) AND host.region = coalesce(\(region), host.region))
            SELECT provider, min(id::text)::uuid AS worker FROM rotating AS own GROUP BY provider
            ORDER BY bool_and(EXISTS (SELECT 1 FROM rotating AS other WHERE other.model = own.model AND other.region = own.region
                AND other.provider <> own.provider AND other.speaks AND (own.low OR NOT other.low))) DESC, count(*), provider LIMIT 1
            """)
        guard let row = rows.first else { throw AdminRefusal.fault("kind", "nothing serves there that could be drilled") }
        if isOfWorker { worker = try row.value("worker") } else { provider = try row.value("provider") }
    }

    /// Whose workers it touches.
    private var touched: SQL {
        switch kind {
        case .workerLoss, .wrongAnswers: "worker.id = \(worker)"
        case .providerLoss: "pool.provider = \(provider) AND host.region = coalesce(\(region), host.region)"
        case .slowRegion, .controlLoss: "host.region = coalesce(\(region), host.region)"
        }
    }

    private static let serving: SQL = """
        serving.workers AS worker JOIN serving.hosts AS host ON host.id = worker.host_id JOIN serving.pools AS pool ON pool.name = host.pool
        JOIN serving.releases AS release ON release.name = worker.release
        WHERE worker.accepted AND worker.retired_at IS NULL AND host.state = 'active' AND host.intent <> 'drain'
        """

    /// Models that are served by what it touches, and its regions; no region: all.
    func touches(_ connection: PostgresConnection) async throws -> DrillScope {
        let rows = try await connection.query(
            "SELECT worker.id, pool.provider, release.model, host.region FROM \(Self.serving) AND \(touched)")
        guard !rows.isEmpty || kind == .controlLoss else { throw AdminRefusal.fault("kind", "nothing serves there that could be drilled") }
        func distinct(_ name: String) throws -> [String] { Set(try rows.map { try $0.value(name, as: String.self) }).sorted() }
        // Gateways of other regions may be alone with the drill, too.
        let regions = try kind == .controlLoss ? region.map { [$0] } ?? [] : distinct("region")
        return DrillScope(
            models: try distinct("model"), regions: regions, providers: try distinct("provider"), workers: try rows.map { try $0.value("id") })
    }

    /// Of each model it must leave somebody in each region who can take requests now and was heard of lately, and where a tier is protected somebody
    /// whose score allows that: a customer who is kept in a region has nothing of a worker elsewhere, and one who pays nothing of a low score.
    func checkBounds(_ connection: PostgresConnection) async throws {
        guard kind.takesWorkers else { return }
        let now = Date()
        let fleet = try await FleetReader(listeningSince: .distantPast, now: now).read { try await connection.pipeline($0) }.view
        let standing = try await MitigationDesk(connection: connection, now: now).inForce(fleet).standing.map(\.target)
        let taken =
            worker.map { MitigationTarget(.drainWorker, worker: $0.lowercased) }
            ?? MitigationTarget(.drainProvider, region: region, provider: provider)
        if let place = fleet.place(lostBy: taken, beside: standing) {
            throw AdminRefusal.conflict("last_left", "nothing else would be left to serve \(place.text)")
        }
    }
}
