import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Objectives while budgets are spent: whoever makes what holds a budget looser asks, or one person could end a freeze alone.
enum HeldObjectives {
    /// Makes a change of objectives, and takes it back where it loosens what a held budget goes by and nobody has let it pass.
    static func guarding(
        _ call: AdminCall, _ connection: PostgresConnection, _ work: () async throws -> AdminChange
    ) async throws -> AdminChange {
        // Two that each loosen one of the objectives of a place would each find the other one strict.
        try await KeptPromises.takeTurn(connection)
        let places = try await held(connection)
        guard !places.isEmpty else { return try await work() }
        let before = try await ObjectiveStore.active { try await connection.query($0) }
        let done = try await work()
        let after = try await ObjectiveStore.active { try await connection.query($0) }
        for (kind, place) in places where isLooser(after.holding(kind, for: place), than: before.holding(kind, for: place)) {
            try await FreezeDesk.admit(
                .objective, FreezeScope(model: place.model, region: place.region, tier: place.tier),
                subject: "\(done.action) \(done.subjectKind) \(done.subjectId)", call, connection)
        }
        return done
    }

    /// As objectives are looked up for budgets that do not allow everything.
    private static func held(_ connection: PostgresConnection) async throws -> [(kind: ObjectiveKind, place: ObjectiveScope)] {
        let rows = try await connection.query(
            """
            SELECT DISTINCT state.kind, subject.tenant_id::text AS tenant, coalesce(nullif(subject.tier, ''), tenant.tier) AS tier, subject.model, subject.region
            FROM reliability.budget_state AS state JOIN reliability.budget_subject AS subject ON subject.id = state.subject_id
            LEFT JOIN serving.tenants AS tenant ON tenant.id = subject.tenant_id
            WHERE subject.ended_at IS NULL AND state.freeze_state <> 'normal' ORDER BY 5, 4, 3, 2, 1
            """)
        return try rows.compactMap { row in
            guard let kind = ObjectiveKind(rawValue: try row.value("kind")) else { return nil }
            let place = ObjectiveScope(
                tenant: try row.value("tenant"), tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"))
            return (kind, place)
        }
    }

    /// Another period counts other minutes, so that a budget that is spent may have something left in it.
    private static func isLooser(_ new: StoredObjective?, than old: StoredObjective?) -> Bool {
        guard let old, old.freezes else { return false }
        guard let new, new.freezes, new.period == old.period, new.timeZone == old.timeZone else { return true }
        return new.objective.goodShare < old.objective.goodShare || (new.objective.badAbovePpm ?? 0) > (old.objective.badAbovePpm ?? 0)
            || (new.objective.thresholdMicroseconds ?? 0) > (old.objective.thresholdMicroseconds ?? 0)
    }
}

extension AdminRoute {
    /// A change of objectives, or of what they are judged by, held to budgets that are spent.
    var heldToBudgets: AdminRoute { guarded { call, connection, work in try await HeldObjectives.guarding(call, connection, work) } }
}
