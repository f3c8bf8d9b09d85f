import Domain
import FoundationEssentials
import Postgres

/// What a drill took from error budgets: its minutes that are bad by the objectives in force. Traffic and probes of drills are in no budget.
struct DrillBudgets: Sendable {
    /// Of one objective.
    struct Part: Sendable {
        let objective: String
        let scope: ObjectiveScope
        let badMinutes: Int64
        /// That the objective's whole period may have.
        let allowed: Ratio

        /// Nil: it may have none.
        var share: Ratio? { allowed.numerator == 0 ? nil : Ratio(badMinutes, 1) / allowed }
    }

    private struct Minute: Sendable {
        let at: Int64
        let tenant: String
        let tier: String
        let model: String
        let region: String
        let good: Int64
        let bad: Int64
    }

    private struct Place: Hashable {
        let model: String
        let region: String
    }

    /// As many are told, the greatest first.
    private static let most = 50
    private static let rollingMinutes: Int64 = 30 * 1_440

    let drill: Drill
    let end: Date
    let databases: ControlDatabases

    /// Minutes that it touched, since 1970.
    private var touched: MinuteRange {
        let first = Int64(drill.startedAt.timeIntervalSince1970) / 60
        return first..<max(first + 1, (Int64(end.timeIntervalSince1970.rounded(.up)) + 59) / 60)
    }

    /// Of budgets of the models and regions that it touched.
    func parts() async throws -> [Part] {
        let objectives = try await ObjectiveStore.active { try await databases.reliability.query($0) }
        let told = try await minutes()
        let measured = try await measured()
        let contracts = try await ContractRules.read(touched, databases.reliability)
        var parts: [Part] = []
        for scope in try await scopes(told) {
            guard let held = objectives.holding(.availability, for: scope), let model = scope.model, let region = scope.region else { continue }
            let own = told.filter { minute in
                minute.model == model && minute.region == region && (scope.tenant.map { $0 == minute.tenant } ?? (minute.tier == scope.tier))
            }
            let rule = contracts.rule(for: scope, held.objective)
            let bad = badMinutes(own, rule: rule, measured: measured[Place(model: model, region: region)] ?? [:])
            let allowed = ErrorBudget(minutes: try await period(held), objective: held.objective.goodShare).minutes
            parts.append(Part(objective: held.name, scope: scope, badMinutes: bad, allowed: allowed))
        }
        let ordered = parts.sorted { left, right in
            let (one, other) = (left.share ?? Ratio(left.badMinutes, 1), right.share ?? Ratio(right.badMinutes, 1))
            return one == other ? (left.scope.model ?? "", left.scope.tier ?? "") < (right.scope.model ?? "", right.scope.tier ?? "") : one > other
        }
        return Array(ordered.prefix(Self.most))
    }

    /// Minutes of others than drills, tenant by tenant. What was bad in the first minute before the drill began is not its own.
    private func minutes() async throws -> [Minute] {
        let rows = try await databases.reliability.query(
            """
            SELECT extract(epoch FROM minute_at)::bigint / 60 AS at, tenant_id::text AS tenant, tier, model, region, sum(good)::bigint AS good,
                sum(bad)::bigint AS bad
            FROM reliability.minute WHERE minute_at >= \(SQL.minute(touched.lowerBound)) AND minute_at < \(SQL.minute(touched.upperBound)) AND NOT drill
                AND \(drill.touches)
            GROUP BY minute_at, tenant_id, tier, model, region
            """)
        let told = try rows.map { row in
            Minute(
                at: try row.value("at"), tenant: try row.value("tenant"), tier: try row.value("tier"), model: try row.value("model"),
                region: try row.value("region"), good: try row.value("good"), bad: try row.value("bad"))
        }
        let first = told.filter { $0.at == touched.lowerBound }.reduce(0) { $0 + $1.bad }
        return first > drill.badBefore ? told : told.filter { $0.at != touched.lowerBound || $0.bad == 0 }
    }

    /// Verdicts of probes that no drill marked.
    private func measured() async throws -> [Place: [Int64: (successes: Int64, failures: Int64)]] {
        let rows = try await databases.reliability.query(
            """
            SELECT model, region, extract(epoch FROM minute_at)::bigint / 60 AS at, successes, failures FROM reliability.probe_minute
            WHERE minute_at >= \(SQL.minute(touched.lowerBound)) AND minute_at < \(SQL.minute(touched.upperBound)) AND \(drill.touches)
            """)
        var found: [Place: [Int64: (successes: Int64, failures: Int64)]] = [:]
        for row in rows {
            let place = Place(model: try row.value("model"), region: try row.value("region"))
            found[place, default: [:]][try row.value("at")] = (try row.value("successes"), try row.value("failures"))
        }
        return found
    }

    /// Whose budgets it can have touched: those that are kept, and those of tiers that asked.
    private func scopes(_ told: [Minute]) async throws -> Set<ObjectiveScope> {
        let kept = try await BudgetSubjects(serving: databases.serving, reliability: databases.reliability).open().map(\.scope)
        let asked = told.map { ObjectiveScope(tier: $0.tier, model: $0.model, region: $0.region) }
        return Set(kept + asked).filter { scope in
            drill.models.contains(scope.model ?? "") && (drill.regions.isEmpty || drill.regions.contains(scope.region ?? ""))
        }
    }

    /// By the rule of the budget. Of idle ones only those count that lie within the drill as a whole: the others may still be measured.
    private func badMinutes(_ told: [Minute], rule: TrafficRule, measured: [Int64: (successes: Int64, failures: Int64)]) -> Int64 {
        let sums = Dictionary(told.map { ($0.at, (good: $0.good, bad: $0.bad)) }) { ($0.good + $1.good, $0.bad + $1.bad) }
        let whole = touched.lowerBound + 1..<max(touched.lowerBound + 1, Int64(end.timeIntervalSince1970) / 60)
        return Int64(
            touched.count { at in
                var evidence = MinuteEvidence()
                (evidence.good, evidence.bad) = sums[at] ?? (0, 0)
                (evidence.probeSuccesses, evidence.probeFailures) = measured[at] ?? (0, 0)
                return switch evidence.budgetStatus(rule) {
                case .bad: true
                case .badIdle, .unmeasured: whole.contains(at)
                case .good, .goodIdle, .excluded: false
                }
            })
    }

    /// Minutes of an objective's period.
    private func period(_ held: StoredObjective) async throws -> Int64 {
        guard held.period == .calendar else { return Self.rollingMinutes }
        return Int64(try await BudgetStates.month(of: touched.lowerBound, in: held.timeZone) { try await databases.reliability.queryOne($0) }.count)
    }
}

extension DrillBudgets.Part {
    var document: String {
        let names = [("tenant", scope.tenant), ("tier", scope.tier), ("model", scope.model), ("region", scope.region)]
        return "{\"objective\":\(AdminJSON.string(objective)),"
            + names.map { "\"\($0.0)\":\($0.1.map(AdminJSON.string) ?? "null")" }.joined(separator: ",")
            + ",\"bad_minutes\":\(badMinutes),\"allowed_minutes\":\"\(allowed.decimal(places: 1))\","
            + "\"percent\":\(share.map { "\"\(($0 * Ratio(100, 1)).decimal(places: 2))\"" } ?? "null")}"
    }
}

extension ContractRules {
    /// Of the scope's budget.
    fileprivate func rule(for scope: ObjectiveScope, _ objective: Objective) -> TrafficRule {
        guard let tenant = scope.tenant.flatMap({ UUID(uuidString: $0) }), let model = scope.model, let region = scope.region else {
            return objective.rule
        }
        var stricter = objective
        stricter.badAbovePpm = badAbovePpm(of: MinuteSubject(tenant: tenant, model: model, region: region), objective: objective.badAbovePpm)
        return stricter.rule
    }
}
