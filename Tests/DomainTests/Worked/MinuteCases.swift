import Domain

/// Area MIN: status of a minute, maintenance, merging of reports.
enum MinuteCases {
    static let shapes = [
        CaseShape(
            required: ["rule"],
            optional: ["theta", "good", "bad", "excluded", "probe_ok", "probe_fail", "measured", "maintenance", "in_maintenance"], compute: status),
        CaseShape(required: ["announced", "window_start", "lead_hours"], optional: ["good", "bad"], compute: lead),
        CaseShape(required: ["maintenance"], optional: ["good", "bad"], compute: views),
        CaseShape(required: ["announced_minutes", "cap_minutes"], compute: cap),
        CaseShape(required: ["arrived"], compute: merge),
        CaseShape(required: ["error_rate", "requests_per_minute"], compute: clean),
    ]

    private static func evidence(_ inputs: CaseInputs) throws -> MinuteEvidence {
        var evidence = MinuteEvidence()
        // Of counters that were lost nothing comes.
        if try inputs.bool("measured", default: true) {
            evidence.good = try inputs.integer("good", default: 0)
            evidence.bad = try inputs.integer("bad", default: 0)
            evidence.excluded = try inputs.integer("excluded", default: 0)
        }
        evidence.probeSuccesses = try inputs.integer("probe_ok", default: 0)
        evidence.probeFailures = try inputs.integer("probe_fail", default: 0)
        let maintenance = try inputs.bool("maintenance", default: false)
        evidence.inMaintenance = try maintenance || inputs.bool("in_maintenance", default: false)
        return evidence
    }

    private static func status(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let rule: TrafficRule
        switch try inputs.text("rule") {
        case "any_5xx": rule = .anyBad
        case "ratio": rule = .ratio(above: try inputs.ratio("theta"))
        case let other: throw CaseFault("unknown rule \(other)")
        }
        return ["status": .text(try evidence(inputs).promiseStatus(rule).rawValue)]
    }

    private static func lead(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let accepted = Maintenance.isAnnouncedInTime(
            announced: try inputs.instant("announced"), windowStart: try inputs.instant("window_start"),
            leadSeconds: try inputs.integer("lead_hours") * 3600)
        var evidence = try evidence(inputs)
        evidence.inMaintenance = accepted
        return ["accepted": .bool(accepted), "status": .text(evidence.promiseStatus(.anyBad).rawValue)]
    }

    private static func views(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let evidence = try evidence(inputs)
        return [
            "sla_view": .text(evidence.promiseStatus(.anyBad).rawValue), "slo_budget_view": .text(evidence.budgetStatus(.anyBad).rawValue),
        ]
    }

    private static func cap(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let split = Maintenance.split(announcedMinutes: try inputs.integer("announced_minutes"), capMinutes: try inputs.integer("cap_minutes"))
        return ["excluded": .integer(split.excluded), "counted": .integer(split.counted)]
    }

    private static func merge(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        var merge = ReportSum()
        for report in try inputs.array("arrived") {
            let fields = try report.array()
            guard fields.count == 4 else { throw CaseFault("a report has four fields") }
            merge.add(node: try fields[0].text(), sequence: try fields[1].integer(), good: try fields[2].integer(), bad: try fields[3].integer())
        }
        return [
            "good": .integer(merge.evidence.good), "bad": .integer(merge.evidence.bad),
            "duplicates_dropped": .integer(Int64(merge.duplicatesDropped)),
            "status_any_5xx": .text(merge.evidence.promiseStatus(.anyBad).rawValue),
        ]
    }

    private static func clean(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let rate = try inputs.ratio("error_rate")
        let shares = try inputs.integers("requests_per_minute").map { requests in
            Ratio(Int64((CleanMinute.probability(errorRate: rate, requests: Int(requests)) * 1e12).rounded()), 1_000_000_000_000).decimal(places: 6)
        }
        return ["p_clean": .texts(shares)]
    }
}

/// The rule of the reference, section 2.2, as a value. What gateways' reports really come to is SQL: `MinuteIntakeTests` hold it against
/// the same case.
private struct ReportSum {
    private struct Report: Hashable {
        let node: String
        let sequence: Int64
    }

    private var seen: Set<Report> = []
    private(set) var evidence = MinuteEvidence()
    private(set) var duplicatesDropped = 0

    mutating func add(node: String, sequence: Int64, good: Int64, bad: Int64) {
        guard seen.insert(Report(node: node, sequence: sequence)).inserted else {
            duplicatesDropped += 1
            return
        }
        evidence.good += good
        evidence.bad += bad
    }
}
