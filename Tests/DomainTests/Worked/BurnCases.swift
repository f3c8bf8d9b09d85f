import Domain

/// Areas BR and FRZ: how fast a budget is spent, and what it then allows.
enum BurnCases {
    static let shapes = [
        CaseShape(required: ["period_days", "budget_pct_and_long_h"], compute: factors),
        CaseShape(required: ["long_bad_total", "short_bad_total", "threshold", "slo"], optional: ["min_bad_events"], compute: verdict),
        CaseShape(required: ["burn", "threshold"], compute: rounding),
        CaseShape(required: ["period_hours", "burn"], compute: exhaustion),
        CaseShape(required: ["thresholds", "slo"], compute: detection),
    ]
    static let freezes = [
        CaseShape(required: ["bad", "budget", "elapsed_min", "total_min", "rolling30_consumed"], compute: freeze),
        CaseShape(required: ["incident_bad", "budget"], compute: incident),
    ]

    private static func factors(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let period = try inputs.integer("period_days") * 86_400
        let factors = try inputs.array("budget_pct_and_long_h").map { pair in
            let parts = try pair.array()
            guard parts.count == 2 else { throw CaseFault("a rule is a share and hours") }
            let rule = BurnRule(
                severity: .page, budgetShare: try CaseInputs.ratio(parts[0]) / Ratio(100, 1), longSeconds: try parts[1].integer() * 3600,
                shortSeconds: 0)
            return rule.threshold(periodSeconds: period).decimal(places: 4)
        }
        return ["factors": .texts(factors)]
    }

    private static func window(_ inputs: CaseInputs, _ name: String) throws -> BurnWindow {
        let counts = try inputs.integers(name)
        guard counts.count == 2 else { throw CaseFault("\(name) is two counts") }
        return BurnWindow(bad: counts[0], total: counts[1])
    }

    private static func verdict(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (long, short) = (try window(inputs, "long_bad_total"), try window(inputs, "short_bad_total"))
        let objective = try inputs.ratio("slo")
        let verdict = BurnRule.verdict(
            long: long, short: short, objective: objective, threshold: try inputs.ratio("threshold"),
            leastBad: try inputs.integer("min_bad_events", default: BurnRule.leastBad))
        func shown(_ window: BurnWindow) -> CaseValue { window.burn(objective: objective).map { .text($0.decimal(places: 3)) } ?? .null }
        return ["burn_long": shown(long), "burn_short": shown(short), "result": .text(verdict.rawValue)]
    }

    private static func rounding(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (burn, threshold) = (try inputs.ratio("burn"), try inputs.ratio("threshold"))
        let rounded = try CaseInputs.ratio(.text(burn.decimal(places: 1)))
        return ["exact": word(burn: burn, threshold: threshold), "rounded_to_1dp": word(burn: rounded, threshold: threshold)]
    }

    /// Of two windows in which a budget of one event in a thousand is spent so fast, whatever their number.
    private static func word(burn: Ratio, threshold: Ratio) -> CaseValue {
        let window = BurnWindow(bad: burn.numerator, total: burn.denominator * 1_000)
        let verdict = BurnRule.verdict(long: window, short: window, objective: Ratio(999, 1_000), threshold: threshold, leastBad: 0)
        return .text(verdict.rawValue)
    }

    private static func exhaustion(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let period = Ratio(try inputs.integer("period_hours"), 1)
        let hours = try inputs.array("burn").map { BurnRule.timeToExhaust(period: period, burn: try CaseInputs.ratio($0)) }
        guard let fastest = hours.min() else { throw CaseFault("no burn") }
        return ["hours": .texts(hours.map { $0.decimal(places: 3) }), "minutes_full_outage": .text((fastest * Ratio(60, 1)).shortDecimal(places: 3))]
    }

    private static func detection(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let objective = try inputs.ratio("slo")
        let minutes = try inputs.array("thresholds").map { pair in
            let parts = try pair.array()
            guard parts.count == 2 else { throw CaseFault("a threshold has a window") }
            return BurnRule.detectionMinutes(
                threshold: try CaseInputs.ratio(parts[0]), objective: objective, windowMinutes: try parts[1].integer()
            ).decimal(places: 3)
        }
        return ["minutes": .texts(minutes)]
    }

    private static func freeze(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (bad, budget) = (try inputs.integer("bad"), try inputs.ratio("budget"))
        let consumed = budget.numerator == 0 ? nil : Ratio(bad, 1) / budget
        let elapsed = Ratio(try inputs.integer("elapsed_min"), try inputs.integer("total_min"))
        let state = FreezeState(consumed: consumed, bad: bad, elapsed: elapsed, rolling: try inputs.ratio("rolling30_consumed"))
        return ["consumed_pct": consumed.map { .text(($0 * Ratio(100, 1)).decimal(places: 2)) } ?? .null, "state": .text(state.rawValue)]
    }

    private static func incident(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let share = Ratio(try inputs.integer("incident_bad"), 1) / (try inputs.ratio("budget"))
        return [
            "share_pct": .text((share * Ratio(100, 1)).decimal(places: 2)), "postmortem_required": .bool(IncidentBurn.requiresPostmortem(share)),
        ]
    }
}
