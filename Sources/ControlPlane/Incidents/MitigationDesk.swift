import Domain
import FoundationEssentials
import Postgres

/// Keeps what is in force: reads it for the policy, and writes what the policy decided, each with its line in the incident's timeline.
struct MitigationDesk: Sendable {
    /// How the policy may act, as an operator set it.
    struct Terms: Sendable {
        enum Mode: String, Sendable {
            case off
            case dryRun = "dry_run"
            case act
        }

        var mode: Mode
        var policy: MitigationPolicy
    }

    /// A proposal that was declined or done is not made again for so long.
    private static let proposalRest: TimeInterval = 86_400

    let connection: PostgresConnection
    let now: Date

    private var orders: CapacityBook { CapacityBook(connection: connection, now: now) }

    func terms() async throws -> Terms {
        let row = try await connection.queryOne(
            "SELECT mode, most, apply_seconds, hold_seconds, clean_minutes, life_seconds FROM reliability.mitigation_policy")
        guard let row else { return Terms(mode: .off, policy: MitigationPolicy()) }
        var policy = MitigationPolicy()
        policy.most = try row.value("most")
        policy.applySeconds = try row.value("apply_seconds")
        policy.holdSeconds = try row.value("hold_seconds")
        policy.cleanSeconds = try row.value("clean_minutes", as: Int64.self) * 60
        policy.lifeSeconds = try row.value("life_seconds")
        return Terms(mode: Terms.Mode(rawValue: try row.value("mode")) ?? .off, policy: policy)
    }

    /// Whoever decides what comes into force does it alone, until the transaction's end: what one drains must be seen by the next, who would drain the
    /// last ones otherwise. The caller asks for no other connection while it has the turn.
    func takeTurn() async throws {
        _ = try await connection.query("SELECT single FROM reliability.mitigation_policy FOR UPDATE")
    }

    /// Ends what is over by itself: gateways ended it then, whether anybody looked or not.
    func expire() async throws {
        try await endRestarts()
        let rows = try await connection.query(
            """
            UPDATE reliability.mitigation SET state = 'expired', ended_at = expires_at, end_reason = 'its time was over'
            WHERE state IN ('active', 'proposed') AND expires_at <= \(now) RETURNING id, incident_id, mode, \(MitigationTarget.columns)
            """)
        try await orders.release(try rows.map { try $0.value("id") })
        for row in rows {
            guard let incident = try row.value("incident_id", as: UUID?.self), let target = try MitigationTarget(row) else { continue }
            try await IncidentBook(connection: connection, now: now).note(incident, "mitigation", "expired: \(target.text)")
        }
    }

    /// One that a person ordered has done what it was for, or never will; nobody else would bring its worker back.
    private func endRestarts() async throws {
        let rows = try await connection.query(
            """
            SELECT mitigation.id, operation.state = 'done' AS is_done
            FROM reliability.mitigation AS mitigation JOIN serving.operations AS operation ON operation.id = mitigation.operation_id
            WHERE mitigation.state = 'active' AND mitigation.mode = 'manual' AND operation.state IN ('done', 'failed', 'expired', 'superseded')
                AND NOT coalesce(mitigation.pinned_until > \(now), FALSE)
            ORDER BY mitigation.created_at, mitigation.id
            """)
        for row in rows {
            let reason = try row.value("is_done", as: Bool.self) ? "its worker has started again" : "it could not be carried out"
            try await end(try row.value("id"), state: "reverted", reason: reason, actor: "policy")
        }
    }

    /// What was only said in a dry run is not done: it must not keep the policy from doing it.
    func endRehearsals() async throws {
        let rows = try await connection.query(
            "SELECT id FROM reliability.mitigation WHERE state = 'active' AND mode = 'dry_run' ORDER BY created_at, id FOR UPDATE")
        for row in rows { try await end(try row.value("id"), state: "reverted", reason: "the dry run is over", actor: "policy") }
    }

    /// What gateways do now: what a dry run would drain still serves.
    func inForce(_ fleet: FleetView) async throws -> MitigationPolicy.Situation {
        var terms = try await self.terms()
        if terms.mode == .dryRun { terms.mode = .act }
        return try await situation([], fleet, terms)
    }

    func situation(_ troubles: [Trouble], _ fleet: FleetView, _ terms: Terms) async throws -> MitigationPolicy.Situation {
        var situation = MitigationPolicy.Situation(now: now.wholeSeconds, troubles: troubles, fleet: fleet)
        let rows = try await connection.query(
            """
            SELECT id, mode, state, coalesce(pinned_until > \(now), FALSE) AS is_pinned, created_at, expires_at, ended_at, coalesce(vetoed_until > \(now), FALSE) AS is_vetoed,
                (SELECT \(OpenIncident.haste(drill: "incident.drill", openedAt: "incident.opened_at")) FROM reliability.incident AS incident
                    WHERE incident.id = incident_id) AS haste,
                coalesce((SELECT operation.state IN ('failed', 'expired') FROM serving.operations AS operation WHERE operation.id = operation_id),
                    \(CapacityBook.isRefused)) AS has_failed, \(CapacityBook.refusedLately(now)) AS refused_by,
                CASE WHEN \(terms.mode == .dryRun) AND mode <> 'dry_run' THEN \(Self.toldAt) END AS told_at, \(MitigationTarget.columns)
            FROM reliability.mitigation
            WHERE vetoed_until > \(now) OR (mode <> 'dry_run' OR \(terms.mode == .dryRun)) AND (state IN ('active', 'proposed')
                OR ended_at > \(now.addingTimeInterval(-max(Self.proposalRest, Double(terms.policy.holdSeconds)))))
            ORDER BY created_at, id
            """)
        for row in rows { try add(row, to: &situation) }
        situation.vetoes = try await vetoes()
        situation.fleet.drilled = try await drilled()
        try await addTiers(&situation.troubles)
        return situation
    }

    /// When it was last said of a row `mitigation`, in the dry run that goes on, that it would be taken back: the rehearsal goes on as if it had been.
    private static let toldAt: SQL = """
        (SELECT max(event.at) FROM reliability.incident_event AS event
            WHERE event.incident_id = mitigation.incident_id AND event.kind = 'mitigation' AND event.detail ->> 'would_take_back' = mitigation.id::text
                AND event.at >= (SELECT policy.updated_at FROM reliability.mitigation_policy AS policy))
        """

    /// What running drills take; asked for in the caller's turn, which who begins one waits for.
    private func drilled() async throws -> [MitigationTarget] {
        try await connection.query(
            "SELECT \(Drill.columns) FROM reliability.drill AS r WHERE r.ended_at IS NULL AND r.until_at > \(now)"
        ).compactMap { try Drill($0).taken }
    }

    /// What people do not want, whether anybody has thought of it or not.
    private func vetoes() async throws -> [MitigationVeto] {
        try await connection.query(
            """
            SELECT id, \(MitigationTarget.columns) FROM (SELECT *, NULL::integer AS value FROM reliability.mitigation_veto) AS veto
            WHERE withdrawn_at IS NULL AND expires_at > \(now) ORDER BY created_at, id
            """
        ).compactMap { row in try MitigationTarget(row).map { MitigationVeto(id: try row.id("id"), target: $0) } }
    }

    /// Of tenants that may be throttled.
    private func addTiers(_ troubles: inout [Trouble]) async throws {
        let tenants = Set(troubles.compactMap(\.tenant)).compactMap { UUID(uuidString: $0) }
        guard !tenants.isEmpty else { return }
        let rows = try await connection.query("SELECT id, tier FROM serving.tenants WHERE id = ANY(\(tenants)::uuid[])")
        let tiers: [String: String] = try rows.reduce(into: [:]) { $0[try $1.id("id")] = try $1.value("tier", as: String.self) }
        for index in troubles.indices { troubles[index].tenantTier = troubles[index].tenant.flatMap { tiers[$0] } }
    }

    private func add(_ row: PostgresRow, to situation: inout MitigationPolicy.Situation) throws {
        guard let target = try MitigationTarget(row) else { return }
        if try row.value("is_vetoed") { situation.vetoed.insert(target) }
        if let scaler = try row.value("refused_by", as: UUID?.self) { situation.refused[target, default: []].insert(scaler.lowercased) }
        let mode: String = try row.value("mode")
        if mode == "proposal" {
            situation.proposed.insert(target)
        } else if let ended = try row.value("ended_at", as: Date?.self) ?? row.value("told_at", as: Date?.self) {
            situation.ended[target] = max(situation.ended[target] ?? .min, ended.wholeSeconds)
        } else {
            situation.standing.append(
                MitigationPolicy.Standing(
                    id: try row.id("id"), target: target, appliedAt: try row.value("created_at", as: Date.self).wholeSeconds,
                    expiresAt: try row.value("expires_at", as: Date.self).wholeSeconds, isPinned: try row.value("is_pinned"),
                    isManual: mode == "manual", haste: try row.value("haste", as: Int64?.self) ?? 1,
                    hasFailed: try row.value("has_failed")))
        }
    }

    /// Ids of incidents for which something was done.
    func carryOut(_ decisions: [MitigationPolicy.Decision], _ terms: Terms) async throws -> Set<UUID> {
        var touched: Set<UUID> = []
        for decision in decisions {
            if let incident = try await carryOut(decision, terms) { touched.insert(incident) }
        }
        return touched
    }

    private func carryOut(_ decision: MitigationPolicy.Decision, _ terms: Terms) async throws -> UUID? {
        let book = IncidentBook(connection: connection, now: now)
        switch decision {
        case .apply(let target, let trouble, let cost, let expiresAt, let order):
            guard let incident = UUID(uuidString: trouble) else { return nil }
            let isDry = terms.mode == .dryRun
            try await insert(
                target, incident: incident, mode: isDry ? "dry_run" : "automatic", state: "active", cost: cost,
                expiresAt: Date(timeIntervalSince1970: Double(expiresAt)), order: order)
            try await book.note(incident, "mitigation", "\(isDry ? "would do" : "decided"): \(target.text(with: order)); \(cost.text)")
            return isDry ? nil : incident
        case .propose(let target, let trouble, let cost):
            guard let incident = UUID(uuidString: trouble) else { return nil }
            try await insert(
                target, incident: incident, mode: "proposal", state: "proposed", cost: cost, expiresAt: now.addingTimeInterval(Self.proposalRest))
            let drill = target.action == .raiseWorkers ? try await isDrill(incident) : false
            let words = "a person is asked to: \(target.text); \(cost.text)" + (drill ? "; a drill orders no workers" : "")
            try await book.note(incident, "proposal", words)
            return nil
        case .extend(let id, let until):
            guard let id = UUID(uuidString: id) else { return nil }
            let changed = try await connection.execute(
                """
                UPDATE reliability.mitigation SET expires_at = \(Date(timeIntervalSince1970: Double(until)))
                WHERE id = \(id) AND state = 'active' AND (mode = 'dry_run' OR \(terms.mode == .act))
                """)
            if changed > 0 { try await orders.extend(id) }
            return nil
        case .revert(let id, let reason):
            guard let id = UUID(uuidString: id) else { return nil }
            try await takeBack(id, Self.words(reason), terms)
            return nil
        case .withhold(let target, let trouble, _):
            guard let incident = UUID(uuidString: trouble) else { return nil }
            try await book.noteWithheld(incident, target.text)
            return nil
        }
    }

    /// In a dry run what is in force stays, and its timeline says what would become of it.
    private func takeBack(_ id: UUID, _ reason: String, _ terms: Terms) async throws {
        let row = try await connection.queryOne(
            """
            SELECT incident_id, \(MitigationTarget.columns) FROM reliability.mitigation WHERE id = \(id) AND mode <> 'dry_run' AND \(terms.mode == .dryRun)
            """)
        guard let row else {
            try await end(id, state: "reverted", reason: reason, actor: "policy")
            return
        }
        guard let incident = try row.value("incident_id", as: UUID?.self), let target = try MitigationTarget(row) else { return }
        try await IncidentBook(connection: connection, now: now).note(
            incident, "mitigation", "would take back: \(target.text): \(reason)", detail: "{\"would_take_back\":\(AdminJSON.string(id.lowercased))}")
    }

    private func isDrill(_ incident: UUID) async throws -> Bool {
        try await connection.queryOne("SELECT 1 AS yes FROM reliability.incident WHERE id = \(incident) AND drill") != nil
    }

    private static func words(_ reason: MitigationPolicy.RevertReason) -> String {
        switch reason {
        case .clean: "its trouble is over"
        case .lastLeft: "nothing else is left"
        case .restarted: "its worker serves again, and nothing else is left"
        case .noHelp: "it did not help"
        case .vetoed: "a person does not want it"
        }
    }

    /// Asks a person for something that no incident asks for, once a day at most.
    func propose(_ target: MitigationTarget, cause: String) async throws {
        guard try await !vetoes().contains(where: { $0.meets(target) }) else { return }
        try await connection.execute(
            """
            INSERT INTO reliability.mitigation (\(MitigationTarget.columns), cause, \(MitigationCost.columns), mode, state, requested_by, created_at,
                expires_at)
            SELECT \(target.values), \(cause), \(MitigationCost.nothing.values), 'proposal', 'proposed', 'policy', \(now), \(now.addingTimeInterval(Self.proposalRest))
            WHERE NOT EXISTS (SELECT 1 FROM reliability.mitigation AS known
                WHERE known.action = \(target.action.rawValue) AND known.provider IS NOT DISTINCT FROM \(target.provider)
                    AND known.tenant_id IS NOT DISTINCT FROM \(target.tenant.flatMap { UUID(uuidString: $0) })
                    AND (known.state = 'proposed' OR known.vetoed_until > \(now) OR known.ended_at > \(now.addingTimeInterval(-Self.proposalRest))))
            """)
    }

    /// What an agent must do of it: the operation, where there is anything.
    func order(_ target: MitigationTarget, by actor: String) async throws -> UUID? {
        guard target.action == .restartWorker, let worker = target.worker.flatMap({ UUID(uuidString: $0) }) else { return nil }
        guard case .ordered(let operation) = try await WorkerRestart.order(worker, by: actor, at: now, connection) else { return nil }
        return operation
    }

    private func insert(
        _ target: MitigationTarget, incident: UUID, mode: String, state: String, cost: MitigationCost, expiresAt: Date, order: WorkerOrder? = nil
    ) async throws {
        let operation = mode == "automatic" ? try await self.order(target, by: "policy") : nil
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.mitigation (\(MitigationTarget.columns), incident_id, cause, \(MitigationCost.columns), mode, state,
                requested_by, created_at, expires_at, operation_id)
            VALUES (\(target.values), \(incident), (SELECT title FROM reliability.incident WHERE id = \(incident)), \(cost.values), \(mode), \(state),
                'policy', \(now), \(expiresAt), \(operation))
            ON CONFLICT DO NOTHING RETURNING id
            """)
        guard let order, mode == "automatic", let id = try row?.value("id", as: UUID.self) else { return }
        try await orders.raise(id, order)
    }

    /// Takes one back; false when it is not in force.
    @discardableResult
    func end(_ id: UUID, state: String, reason: String, actor: String, vetoedUntil: Date? = nil) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            UPDATE reliability.mitigation SET state = \(state), ended_at = \(now), end_reason = \(reason), vetoed_until = \(vetoedUntil)
            WHERE id = \(id) AND state IN ('active', 'proposed') RETURNING incident_id, \(MitigationTarget.columns)
            """)
        guard let row else { return false }
        try await orders.release([id])
        if let incident = try row.value("incident_id", as: UUID?.self), let target = try MitigationTarget(row) {
            try await IncidentBook(connection: connection, now: now).note(
                incident, "mitigation", "\(state): \(target.text): \(reason)", actor: actor)
        }
        return true
    }
}
