package import Domain
import FoundationEssentials
package import Postgres

/// What asks for leave.
package enum FrozenChange: String, Sendable, CaseIterable {
    /// A release, its weights, its image.
    case deployment
    /// What serves: pools, providers, their weights.
    case providerSwap = "provider_swap"
    case price
    /// What the freeze itself goes by.
    case objective

    fileprivate var noun: String {
        switch self {
        case .deployment: "deployments"
        case .providerSwap: "changes of providers"
        case .price: "changes of prices"
        case .objective: "looser objectives"
        }
    }
}

/// What a change touches; nil is everything.
package struct FreezeScope: Sendable, Equatable {
    package var model: String?
    package var region: String?
    package var tier: String?

    package init(model: String? = nil, region: String? = nil, tier: String? = nil) {
        self.model = model
        self.region = region
        self.tier = tier
    }
}

/// The one place that says whether budgets still allow a change. Everything that deploys, swaps providers or moves prices asks here.
package enum FreezeDesk {
    /// The worst state of the budgets that a change touches.
    package struct Answer: Sendable {
        package var state: FreezeState
        /// The budget that is the reason, as people name it; empty where none is.
        package var budget = ""
        /// How much of it is spent, and by what; empty where none is.
        package var spent = ""
    }

    /// How things stand. Subjects of single tenants count too: what was promised to one holds the change up for all.
    package static func ask(change: FrozenChange, _ scope: FreezeScope, _ connection: PostgresConnection) async throws -> Answer {
        let row = try await connection.queryOne(
            """
            SELECT r.freeze_state, \(BudgetText.columns) FROM \(BudgetResource.source)
            WHERE s.ended_at IS NULL AND r.freeze_state <> 'normal' AND \(matches(scope, of: "s"))
            ORDER BY r.freeze_state = 'frozen' DESC, r.consumed_numerator::numeric / r.consumed_denominator DESC NULLS LAST, s.tier, r.kind, s.id LIMIT 1
            """)
        guard let row, let state = FreezeState(rawValue: try row.value("freeze_state")) else { return Answer(state: .normal) }
        let text = try BudgetText(row)
        return Answer(state: state, budget: text.name, spent: text.spent)
    }

    /// Those of the places that a change touches in which budgets do not allow everything, and the worst answer of them.
    static func held(
        _ change: FrozenChange, _ places: [FreezeScope], _ connection: PostgresConnection
    ) async throws -> (places: [FreezeScope], worst: Answer) {
        var held: [FreezeScope] = []
        var worst = Answer(state: .normal)
        for place in places {
            let answer = try await ask(change: change, place, connection)
            if answer.state > .normal { held.append(place) }
            if answer.state > worst.state { worst = answer }
        }
        return (held, worst)
    }

    /// A change that touches several places must be let pass in each of them.
    static func admit(
        _ change: FrozenChange, _ places: [FreezeScope], subject: String, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws {
        for place in places { try await admit(change, place, subject: subject, call, connection) }
    }

    /// Lets a change pass or refuses it: in caution an owner may make it, frozen only an approved pass lets it through, and its use is recorded.
    static func admit(
        _ change: FrozenChange, _ scope: FreezeScope, subject: String, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws {
        let answer = try await ask(change: change, scope, connection)
        guard answer.state != .normal, !(answer.state == .caution && call.actor.role == .owner) else { return }
        if try await usePass(change, scope, subject: subject, call, connection) { return }
        guard answer.state == .frozen else {
            throw AdminRefusal.conflict(
                "caution", "\(answer.budget) is spent fast (\(answer.spent)): an owner's token may make \(change.noun), canary first")
        }
        throw AdminRefusal.conflict(
            "frozen",
            "\(answer.budget) is spent (\(answer.spent)), which holds \(change.noun) up; for a security fix or a P0 ask for a pass "
                + "(POST /admin/v1/freeze-passes, plimsoll freeze-passes create) and have somebody else approve it")
    }

    private static func usePass(
        _ change: FrozenChange, _ scope: FreezeScope, subject: String, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.freeze_use (pass_id, actor, change, subject)
            SELECT id, \(call.actor.label), \(change.rawValue), \(subject) FROM reliability.freeze_pass
            WHERE approved_at IS NOT NULL AND expires_at > now() AND coalesce(change = \(change.rawValue), true)
                AND (model IS NULL OR model = \(scope.model)) AND (region IS NULL OR region = \(scope.region))
                AND (tier IS NULL OR tier = \(scope.tier))
            ORDER BY expires_at LIMIT 1 RETURNING id
            """)
        return row != nil
    }

    /// Budgets that a change touches; a tenant's own is of no tier.
    ///
    /// - Parameter subject: Name of a row of budget subjects.
    static func matches(_ scope: FreezeScope, of subject: SQL) -> SQL {
        """
        coalesce(\(subject).model = \(scope.model), true) AND coalesce(\(subject).region = \(scope.region), true)
            AND (\(subject).tier = '' OR coalesce(\(subject).tier = \(scope.tier), true))
        """
    }
}
