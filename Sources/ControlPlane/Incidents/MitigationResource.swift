import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Mitigations: what is and was in force, and what an operator may do about it.
enum MitigationResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'action', r.action, 'tier', r.tier, 'model', r.model, 'region', r.region, 'provider', r.provider,
                'worker', r.worker_id, 'pool', r.pool, 'release', r.release, 'tenant', r.tenant_id, 'to_model', r.to_model,
                'to_region', r.to_region, 'value', r.value, 'incident', r.incident_id, 'cause', r.cause,
                'cost_micro_usd_per_hour', r.cost_micro_usd_per_hour, 'refused_requests_per_hour', r.refused_requests_per_hour,
                'lessened_requests_per_hour', r.lessened_requests_per_hour, 'shortened_tokens_per_hour', r.shortened_tokens_per_hour,
                'mode', r.mode, 'state', r.state, 'pinned', r.pinned AND coalesce(r.pinned_until > now(), FALSE), 'operation', r.operation_id,
                'table_version', reach.table_version,
                'gateways_connected', reach.connected, 'gateways_reached', reach.reached,
                'in_force_at', serving.wire_time(coalesce(reach.in_force_at, CASE WHEN raise.state = 'delivered' THEN raise.ended_at END)),
                'scaler', scaler.name, 'workers', raise.workers, 'order_state', raise.state,
                'requested_by', r.requested_by, 'created_at', serving.wire_time(r.created_at), 'expires_at', serving.wire_time(r.expires_at),
                'ended_at', serving.wire_time(r.ended_at), 'end_reason', r.end_reason, 'vetoed_until', serving.wire_time(r.vetoed_until),
                'answers_scored', scored.found -> 'answers', 'answer_score_ppm', scored.found -> 'score_ppm',
                'answer_failures', scored.found -> 'failures')
            """,
        source: """
            reliability.mitigation AS r LEFT JOIN reliability.mitigation_reach AS reach ON reach.mitigation_id = r.id
                LEFT JOIN reliability.capacity_order AS raise ON raise.mitigation_id = r.id AND raise.event = 'raise'
                LEFT JOIN reliability.scaler AS scaler ON scaler.id = raise.scaler_id
                CROSS JOIN LATERAL (SELECT reliability.fallback_answers(ARRAY[r.id]) AS found) AS scored
            """, usualOrder: .descending,
        filters: [
            .text("state", "r.state"), .text("mode", "r.mode"), .text("action", "r.action"), .uuid("incident", "r.incident_id"),
            .since("r.created_at"), .until("r.created_at"),
        ])

    private static let policyListing = Listing(
        document: """
            json_build_object('mode', r.mode, 'most', r.most, 'apply_seconds', r.apply_seconds, 'hold_seconds', r.hold_seconds,
                'clean_minutes', r.clean_minutes, 'life_seconds', r.life_seconds, 'updated_at', serving.wire_time(r.updated_at))
            """, source: "reliability.mitigation_policy AS r", id: "r.single", idType: "boolean")

    static var routes: [AdminRoute] { [list, single, run, pin, veto, revert, closing, policy, policyUpdate, plan] + MitigationVetoResource.routes }

    private static let list = AdminRoute.read("mitigations") { call, databases in try await listing.page(call, databases.serving) }

    private static let single = AdminRoute.read("mitigations/{id}") { call, databases in
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference),
            let found = try await listing.one(where: "r.id = \(id)", { try await databases.serving.queryOne($0) })
        else { throw AdminRefusal.notFound }
        return AdminAnswer(body: found.document)
    }

    /// A person does by hand what the policy could.
    private static let run = AdminRoute.wideChange(.post, "mitigations") { call, fields, connection, databases in
        let (wanted, cause, seconds, incident) = try MitigationWish(&fields).values
        var target = wanted
        // However many, it is the same as the policy's, which must not order them once more.
        if wanted.action == .raiseWorkers { target = MitigationTarget(.raiseWorkers, model: wanted.model, region: wanted.region) }
        try await MitigationSubjects.check(target, incident, connection)
        try await MitigationWish.check(target, connection)
        try await FallbackTerms.check(target, connection)
        let now = Date()
        let desk = MitigationDesk(connection: connection, now: now)
        let (cost, order) = try await MitigationWish.reckon(target, workers: wanted.value, incident, databases, connection)
        // From here on nothing waits for another connection: whoever decides waits for this one.
        try await desk.takeTurn()
        try await MitigationWish.check(target, connection)
        let operation = try await desk.order(target, by: call.actor.label)
        guard operation != nil || target.action != .restartWorker else {
            throw AdminRefusal.conflict("not_restartable", "this worker's agent cannot restart it, or does so already")
        }
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.mitigation (\(MitigationTarget.columns), incident_id, cause, \(MitigationCost.columns), mode, state, requested_by,
                created_at, expires_at, operation_id)
            VALUES (\(target.values), \(incident), \(cause), \(cost.values), 'manual', 'active', \(call.actor.label), \(now),
                \(now.addingTimeInterval(Double(seconds))), \(operation))
            ON CONFLICT DO NOTHING RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw MitigationWish.inForce }
        if let order { try await CapacityBook(connection: connection, now: now).raise(id, order) }
        if let incident {
            let book = IncidentBook(connection: connection, now: now)
            let words = "decided by hand: \(target.text(with: order)); \(cost.text)"
            try await book.note(incident, "mitigation", words, actor: call.actor.label)
        }
        return try await change(connection, id, "run", status: .created)
    }

    private static let pin = AdminRoute.change(.post, "mitigations/{id}/pin") { call, fields, connection in
        try await changed(call, "pin", connection) { desk, id in
            let hours = fields.integer("hours", 1...168) ?? 24
            try fields.finish()
            let until = desk.now.addingTimeInterval(Double(hours) * 3_600)
            let changed = try await desk.connection.execute(
                """
                UPDATE reliability.mitigation SET pinned = TRUE, pinned_until = \(until), expires_at = greatest(expires_at, \(until))
                WHERE id = \(id) AND state = 'active'
                """)
            guard changed == 1 else { throw over }
            try await CapacityBook(connection: desk.connection, now: desk.now).extend(id)
        }
    }

    /// Takes it back, and keeps the policy from doing it again.
    private static let veto = AdminRoute.change(.post, "mitigations/{id}/veto") { call, fields, connection in
        try await changed(call, "veto", connection) { desk, id in
            let reason = fields.text("reason", .reason, .required) ?? ""
            let minutes = fields.integer("minutes", 1...10_080) ?? 1_440
            try fields.finish()
            let until = desk.now.addingTimeInterval(Double(minutes) * 60)
            guard try await desk.end(id, state: "vetoed", reason: reason, actor: call.actor.label, vetoedUntil: until) else { throw over }
        }
    }

    private static let revert = AdminRoute.change(.post, "mitigations/{id}/revert") { call, fields, connection in
        try await changed(call, "revert", connection) { desk, id in
            let reason = fields.text("reason", .reason, .required) ?? ""
            try fields.finish()
            guard try await desk.end(id, state: "reverted", reason: reason, actor: call.actor.label) else { throw over }
        }
    }

    /// What became of a proposal.
    private static let closing = AdminRoute.change(.post, "mitigations/{id}/close") { call, fields, connection in
        try await changed(call, "close", connection) { desk, id in
            let state = fields.text("state", .choice(["done", "declined"]), .required) ?? ""
            let reason = fields.text("reason", .reason, .required) ?? ""
            try fields.finish()
            let row = try await desk.connection.queryOne("SELECT 1 AS yes FROM reliability.mitigation WHERE id = \(id) AND state = 'proposed'")
            guard row != nil else { throw AdminRefusal.conflict("not_proposed", "this is no open proposal") }
            _ = try await desk.end(id, state: state, reason: reason, actor: call.actor.label)
        }
    }

    private static let policy = AdminRoute.read("mitigation-policy") { call, databases in
        try call.refuseQuery()
        guard let found = try await policyListing.one(where: "TRUE", { try await databases.serving.queryOne($0) }) else { throw AdminRefusal.failed }
        return AdminAnswer(body: found.document)
    }

    private static let policyFields = [
        AdminField("mode", .choice(["off", "dry_run", "act"])), AdminField("most", .integer(0...100)),
        AdminField("apply_seconds", .integer(0...3_600)), AdminField("hold_seconds", .integer(10...86_400)),
        AdminField("clean_minutes", .integer(1...1_440)), AdminField("life_seconds", .integer(60...604_800)),
    ]

    private static let policyUpdate = AdminRoute.change(.patch, "mitigation-policy") { call, fields, connection in
        var assignments: [SQL] = []
        for field in policyFields {
            if let value = fields.value(field) { assignments.append("\(identifier: field.name) = \(value)") }
        }
        try fields.finish()
        guard !assignments.isEmpty else { throw AdminRefusal(.badRequest, code: "nothing_to_change", "the body names no field to change") }
        try await connection.execute(
            "UPDATE reliability.mitigation_policy SET \(SQL.joined(assignments, separator: ", ")), updated_at = now()")
        guard let found = try await policyListing.one(where: "TRUE", { try await connection.queryOne($0) }) else { throw AdminRefusal.failed }
        return AdminChange(document: found.document, action: "update", subjectKind: "mitigation_policy", subjectId: "policy")
    }

    /// What the policy would do at this moment, whatever its mode.
    private static let plan = AdminRoute.read("mitigation-plan") { call, databases in
        try call.refuseQuery()
        let now = Date()
        var picture = try await FleetReader(listeningSince: .distantPast, now: now).read { try await databases.serving.pipeline($0) }
        picture.view.demand = try await DemandReader(
            serving: databases.serving, billing: databases.billing, reliability: databases.reliability, now: now
        ).read()
        let fleet = picture.view
        let decisions = try await databases.serving.transaction { connection in
            let rows = try await connection.query("SELECT \(OpenIncident.columns) FROM reliability.incident AS incident WHERE resolved_at IS NULL")
            let desk = MitigationDesk(connection: connection, now: now)
            let terms = try await desk.terms()
            let open = try rows.compactMap { try OpenIncident($0) }
            let causes = try await IncidentCauses.read(of: open, databases, now: now)
            return terms.policy.decide(try await desk.situation(causes.laid(to: open).map(\.trouble), fleet, terms))
        }
        return AdminAnswer(body: "{\"decisions\":[\(decisions.map(\.document).joined(separator: ","))]}")
    }

    private static let over = AdminRefusal.conflict("over", "this is not in force")

    private static func changed(
        _ call: AdminCall, _ verb: String, _ connection: PostgresConnection, _ work: (MitigationDesk, UUID) async throws -> Void
    ) async throws -> AdminChange {
        guard let id = UUID(uuidString: call.reference),
            try await connection.queryOne("SELECT id FROM reliability.mitigation WHERE id = \(id) FOR UPDATE") != nil
        else { throw AdminRefusal.notFound }
        try await work(MitigationDesk(connection: connection, now: Date()), id)
        return try await change(connection, id, verb)
    }

    private static func change(
        _ connection: PostgresConnection, _ id: UUID, _ action: String, status: HTTPResponse.Status = .ok
    ) async throws -> AdminChange {
        guard let found = try await listing.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        return AdminChange(status: status, document: found.document, action: action, subjectKind: "mitigation", subjectId: id.lowercased)
    }
}

extension MitigationPolicy.Decision {
    fileprivate var document: String {
        func object(_ kind: String, _ members: [(String, String?)], cost: MitigationCost = .nothing) -> String {
            let veto = members.contains { $0.0 == "veto" } ? [] : [("veto", nil as String?)]
            let texts = [("decision", kind as String?)] + members + veto + [("cost", cost.text)]
            let words = texts.map { "\(AdminJSON.string($0.0)):\($0.1.map(AdminJSON.string) ?? "null")" }.joined(separator: ",")
            return "{\(words),\(cost.members)}"
        }
        return switch self {
        case .apply(let target, let trouble, let cost, _, let order):
            object("apply", [("what", target.text(with: order)), ("incident", trouble), ("mitigation", nil)], cost: cost)
        case .propose(let target, let trouble, let cost):
            object("propose", [("what", target.text), ("incident", trouble), ("mitigation", nil)], cost: cost)
        case .extend(let id, _): object("extend", [("what", nil), ("incident", nil), ("mitigation", id)])
        case .revert(let id, let reason): object("revert", [("what", reason.rawValue), ("incident", nil), ("mitigation", id)])
        case .withhold(let target, let trouble, let veto):
            object("withhold", [("what", target.text), ("incident", trouble), ("mitigation", nil), ("veto", veto)])
        }
    }
}
