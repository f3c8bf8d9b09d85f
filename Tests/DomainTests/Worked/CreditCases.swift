import Domain

/// Area CR: what a month below its objective pays.
enum CreditCases {
    static let shapes = [
        CaseShape(required: ["eligible_minutes", "bad", "slo", "fee"], compute: countings),
        CaseShape(required: ["month", "active_from", "fee", "bad"], optional: ["slo"], compute: activation),
        CaseShape(required: ["availability_pct", "latency_pct", "cap_pct", "fee"], compute: together),
        CaseShape(required: ["minimum", "usage", "credit_pct"], compute: feeBase),
        CaseShape(required: ["tier", "uptime_pct", "fee"], compute: withoutTerms),
        CaseShape(required: ["credit", "next_invoice"], compute: invoice),
        CaseShape(required: ["uptime_pct"], compute: table),
    ]
    private static let objective = Ratio(999, 1000)

    private static func cents(_ text: String) throws -> Int128 {
        guard let amount = Ratio(decimal: text) else { throw CaseFault("\(text) is no amount") }
        return Int128((amount * Ratio(100, 1)).floor)
    }

    private static func money(_ cents: Int128) -> CaseValue { .text(Rating.text(cents, places: 2)) }

    private static func terms(_ counting: CreditTerms.Counting, _ objective: Ratio) -> CreditTerms {
        CreditTerms(objective: objective, schedule: .steps(counting, step: Ratio(1, 1000), percent: Ratio(5, 1)))
    }

    private static func countings(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (objective, fee) = (try inputs.ratio("slo"), try cents(try inputs.text("fee")))
        let budget = ErrorBudget(minutes: try inputs.integer("eligible_minutes"), objective: objective)
        guard let uptime = budget.uptime(bad: try inputs.integer("bad")) else { throw CaseFault("no minute counts") }
        var results: [String: CaseValue] = ["uptime_pct": .text((uptime * Ratio(100, 1)).decimal(places: 6))]
        for counting in CreditTerms.Counting.allCases {
            let terms = terms(counting, objective)
            let percent = terms.percent(uptime: uptime)
            let suffix = counting == .started ? "" : "_" + counting.rawValue
            results["credit_pct" + suffix] = .text(counting == .prorata ? percent.decimal(places: 4) : percent.shortDecimal(places: 4))
            results["credit" + suffix] = money(Credit.amount(fee: fee, percent: percent))
            if counting == .started { results["steps"] = .integer(terms.steps(uptime: uptime).floor) }
        }
        return results
    }

    private static func activation(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let month = try inputs.month("month")
        let (minutes, active) = (MonthEvidence.minutes(month), (month.end - (try inputs.instant("active_from"))) / 60_000_000)
        let objective = try inputs.values["slo"].map { try CaseInputs.ratio($0) } ?? objective
        let fee = Rating.prorated(try cents(try inputs.text("fee")), used: active, of: minutes)
        guard let uptime = ErrorBudget(minutes: active, objective: objective).uptime(bad: try inputs.integer("bad")) else {
            throw CaseFault("no minute counts")
        }
        let terms = terms(.started, objective)
        return [
            "eligible_minutes": .integer(active), "fee_base": money(fee), "steps": .integer(terms.steps(uptime: uptime).floor),
            "credit": money(Credit.amount(fee: fee, percent: terms.percent(uptime: uptime))),
        ]
    }

    private static func together(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let terms = CreditTerms(objective: objective, capPercent: Ratio(try inputs.integer("cap_pct"), 1))
        let total = terms.total(try ["availability_pct", "latency_pct"].map { Ratio(try inputs.integer($0), 1) })
        return ["total_pct": .integer(total.floor), "credit": money(Credit.amount(fee: try cents(try inputs.text("fee")), percent: total))]
    }

    private static func feeBase(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let base = Credit.feeBase(minimum: try cents(try inputs.text("minimum")), charges: try cents(try inputs.text("usage")))
        return ["fee_base": money(base), "credit": money(Credit.amount(fee: base, percent: Ratio(try inputs.integer("credit_pct"), 1)))]
    }

    private static func withoutTerms(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        // As a bundle tells of who has no contract.
        let terms = EvidenceTerms(
            id: "objective-1", rule: .anyBad, credit: CreditTerms(objective: objective), pays: try inputs.text("tier") != "hobby")
        let good = (try inputs.ratio("uptime_pct") * Ratio(10, 1)).floor
        guard let series = EvidenceSeries(tenant: "t", model: "m", region: "eu") else { throw CaseFault("no series") }
        var stretch = EvidenceStretch(series: series, since: 0)
        stretch.runs.append(LeafCounts(good: 1, status: .good), times: Int(good))
        stretch.runs.append(LeafCounts(bad: 1, status: .bad), times: Int(1_000 - good))
        let outcome = MonthOutcome([stretch], terms: terms)
        let credit = Credit.amount(fee: try cents(try inputs.text("fee")), percent: outcome.percent)
        return ["credit": money(credit), "shown_on_status_page": .bool(outcome.uptime != nil && !terms.pays)]
    }

    private static func invoice(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (applied, carried) = Credit.apply(try cents(try inputs.text("credit")), to: try cents(try inputs.text("next_invoice")))
        return ["applied": money(applied), "carried": money(carried)]
    }

    private static func table(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let rows = [(999, 10), (990, 25), (950, 100)].map { (below: Ratio($0.0, 1000), percent: Ratio($0.1, 1)) }
        let terms = CreditTerms(objective: objective, schedule: .table(rows), capPercent: Ratio(100, 1))
        let percents = try inputs.array("uptime_pct").map { terms.percent(uptime: try CaseInputs.ratio($0) / Ratio(100, 1)).floor }
        return ["credit_pct": .integers(percents)]
    }
}
