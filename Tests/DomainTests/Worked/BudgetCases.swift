import Domain
import FoundationEssentials

/// Area EB: budgets of minutes, of shares and of slow requests.
enum BudgetCases {
    static let shapes = [
        CaseShape(required: ["minutes", "slo"], optional: ["bad", "excluded"], compute: minutes),
        CaseShape(required: ["days", "slo"], compute: days),
        CaseShape(required: ["month", "tz", "slo"], compute: month),
        CaseShape(required: ["cases", "limit"], compute: shares),
        CaseShape(required: ["requests", "above_burst_cap_429", "other_429", "limit"], compute: refusals),
        CaseShape(required: ["requests", "over", "allowed_share"], compute: slow),
    ]

    private static func minutes(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (all, excluded) = (try inputs.integer("minutes"), try inputs.integer("excluded", default: 0))
        if case .array(let objectives) = try inputs.value("slo") {
            let budgets = try objectives.map { ErrorBudget(minutes: all, excluded: excluded, objective: try CaseInputs.ratio($0)) }
            return ["budget": .texts(budgets.map { $0.minutes.decimal(places: 2) })]
        }
        let budget = ErrorBudget(minutes: all, excluded: excluded, objective: try inputs.ratio("slo"))
        let shown = budget.minutes.shortDecimal(places: 9)
        var results: [String: CaseValue] = [
            "budget_minutes": .text(shown), "budget": .text(shown), "eligible": .integer(budget.eligible),
            "max_bad_minutes_without_breach": .integer(budget.allowedBad),
        ]
        guard inputs.values["bad"] != nil else { return results }
        let bad = try inputs.integer("bad")
        let consumed = budget.consumed(bad: bad)
        results["consumed_pct"] = consumed.map { .text(($0 * Ratio(100, 1)).decimal(places: 4)) } ?? .null
        results["remaining_minutes"] = .text(budget.remaining(bad: bad).shortDecimal(places: 9))
        results["state"] = .text(FreezeState(consumed: consumed, bad: bad, elapsed: Ratio(1, 1), rolling: nil).rawValue)
        return results
    }

    private static func days(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let parts = try inputs.text("days").split(separator: "/").map(String.init)
        guard let whole = parts.first.flatMap({ Ratio(decimal: $0) }) else { throw CaseFault("days is not a number") }
        let days = try parts.count == 2 ? whole / CaseInputs.ratio(.text(parts[1])) : whole
        let minutes = days * Ratio(1440, 1)
        let budget = ErrorBudget(minutes: minutes.floor, objective: try inputs.ratio("slo")).minutes
        return [
            "minutes": .text(minutes.shortDecimal(places: 6)), "budget_minutes": .text(budget.shortDecimal(places: 9)),
            "rounded_1dp": .text(budget.decimal(places: 1)),
        ]
    }

    private static func month(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let minutes = try zone(try inputs.text("tz")).minutes(of: try inputs.month("month"))
        let budget = ErrorBudget(minutes: minutes, objective: try inputs.ratio("slo"))
        return [
            "minutes": .integer(minutes), "budget_minutes": .text(budget.minutes.decimal(places: 2)),
            "max_bad_minutes_without_breach": .integer(budget.allowedBad),
        ]
    }

    private static func zone(_ name: String) throws -> ZoneRules {
        if name == "UTC" { return .utc }
        let file = try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/" + name))
        guard let rules = ZoneRules(tzif: Array(file)) else { throw CaseFault("\(name) is no time zone") }
        return rules
    }

    private static func shares(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let limit = try inputs.ratio("limit")
        let verdicts = try inputs.array("cases").map { pair in
            let counts = try pair.integers()
            guard counts.count == 2 else { throw CaseFault("a case is two counts") }
            return ShareObjective.verdict(counts[0], of: counts[1], below: limit).rawValue
        }
        return ["result": .texts(verdicts)]
    }

    private static func refusals(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (events, all) = ShareObjective.refusals(
            try inputs.integer("other_429"), aboveBurst: try inputs.integer("above_burst_cap_429"), requests: try inputs.integer("requests"))
        return [
            "rate_pct": .text((Ratio(events, all) * Ratio(100, 1)).decimal(places: 4)),
            "result": .text(ShareObjective.verdict(events, of: all, below: try inputs.ratio("limit")).rawValue),
        ]
    }

    private static func slow(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (requests, allowed) = (try inputs.integer("requests"), try inputs.ratio("allowed_share"))
        let objective = Objective(
            kind: .firstToken, targetPpm: ((Ratio(1, 1) - allowed) * Ratio(Objective.million, 1)).floor, thresholdMicroseconds: 1_500_000)
        let consumed = objective.consumed(bad: try inputs.integer("over"), of: requests)
        return [
            "allowed": .integer(ErrorBudget(minutes: requests, objective: objective.goodShare).allowedBad),
            "consumed_pct": consumed.map { .text(($0 * Ratio(100, 1)).decimal(places: 1)) } ?? .null,
        ]
    }
}
