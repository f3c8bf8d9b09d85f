import Domain
import FoundationEssentials
import HTTPWire
import Postgres

/// One version of terms, as promises and credits are computed by it.
struct TermsVersion: Sendable {
    var id: UUID
    var name: String
    var version: Int
    var title: String
    var tier: String
    var model: String?
    var region: String?
    var availabilityPpm: Int64
    var badAbovePpm: Int64?
    var firstTokenThreshold: Int64
    var lastTokenThreshold: Int64
    var lastTokenTokens: Int
    var counting: CreditTerms.Counting
    var stepPpm: Int64
    var stepPercent: Int64
    var table: [(belowPpm: Int64, percent: Int64)]?
    var latencyPercent: Int
    var latencyPerEpisode: Bool
    var capPercent: Int64
    var exclusions: [String]
    var burstPercent: Int
    /// The smaller model that may answer in trouble, and its quality in words; nil: none may.
    var fallback: (model: String, quality: String)?
    var maintenanceLeadHours: Int64
    var maintenanceMonthMinutes: Int64
    var terminationDays: Int
    var disputeDays: Int
    var isSoleRemedy: Bool
    var timeZone: String
    var evidenceDays: Int64
    var counsel: String?
    var reviewedOn: String?
    var state: String

    static func read(_ id: UUID, _ run: (SQL) async throws -> PostgresRow?) async throws -> TermsVersion? {
        try await run("SELECT *, reviewed_on::text AS reviewed_text, credit_table::text AS table_text FROM reliability.terms WHERE id = \(id)")
            .map { try TermsVersion($0) }
    }

    init(_ row: PostgresRow) throws {
        id = try row.value("id")
        name = try row.value("name")
        version = try row.value("version")
        title = try row.value("title")
        tier = try row.value("tier")
        model = try row.value("model")
        region = try row.value("region")
        availabilityPpm = try row.value("availability_ppm")
        badAbovePpm = try row.value("bad_above_ppm")
        firstTokenThreshold = try row.value("ttft_threshold_microseconds")
        lastTokenThreshold = try row.value("ttlt_threshold_microseconds")
        lastTokenTokens = try row.value("ttlt_tokens")
        counting = CreditTerms.Counting(rawValue: try row.value("credit_counting")) ?? .started
        stepPpm = try row.value("credit_step_ppm")
        stepPercent = try row.value("credit_step_percent")
        table = try row.value("table_text", as: String?.self).flatMap(Self.table)
        latencyPercent = try row.value("latency_credit_percent")
        latencyPerEpisode = try row.value("latency_per_episode")
        capPercent = try row.value("credit_cap_percent")
        exclusions = try row.value("exclusions")
        burstPercent = try row.value("burst_percent")
        if let model = try row.value("fallback_model", as: String?.self) { fallback = (model, try row.value("fallback_quality")) }
        maintenanceLeadHours = try row.value("maintenance_lead_hours")
        maintenanceMonthMinutes = try row.value("maintenance_month_minutes")
        terminationDays = try row.value("termination_days")
        disputeDays = try row.value("dispute_days")
        isSoleRemedy = try row.value("sole_remedy")
        timeZone = try row.value("time_zone")
        evidenceDays = try row.value("evidence_days")
        counsel = try row.value("reviewed_by_counsel")
        reviewedOn = try row.value("reviewed_text")
        state = try row.value("state")
    }

    private static func table(_ text: String) -> [(belowPpm: Int64, percent: Int64)]? {
        (try? JSONValue.parse(Array(text.utf8)))?.array?.compactMap { entry in
            guard let below = entry.object?["below_ppm"]?.integer, let percent = entry.object?["percent"]?.integer else { return nil }
            return (below, percent)
        }
    }

    var objective: Ratio { Ratio(availabilityPpm, Objective.million) }

    var rule: TrafficRule { badAbovePpm.map { .ratio(above: Ratio($0, Objective.million)) } ?? .anyBad }

    var credit: CreditTerms {
        let schedule: CreditTerms.Schedule =
            table.map { rows in .table(rows.map { (below: Ratio($0.belowPpm, Objective.million), percent: Ratio($0.percent, 1)) }) }
            ?? .steps(counting, step: Ratio(stepPpm, Objective.million), percent: Ratio(stepPercent, 1))
        return CreditTerms(objective: objective, schedule: schedule, capPercent: Ratio(capPercent, 1))
    }

    /// Nil: maintenance is not left out.
    func maintenance(_ window: MaintenanceRules.AgreedWindow?) -> MaintenanceRules? {
        guard exclusions.contains(Maintenance.code) else { return nil }
        return MaintenanceRules(leadSeconds: maintenanceLeadHours * 3_600, monthlyMinutes: maintenanceMonthMinutes, window: window)
    }
}
