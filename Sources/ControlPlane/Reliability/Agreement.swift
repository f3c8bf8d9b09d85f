import Domain
import FoundationEssentials
import Postgres

/// Terms in force for a tenant's use of a model in a region.
struct Agreement: Sendable {
    var id: UUID
    var tenant: UUID
    var terms: UUID
    var model: String
    var region: String
    /// Minutes since 1970.
    var starts: Int64
    var ends: Int64?
    var monthlyMinimumMicroUsd: Int64
    var window: MaintenanceRules.AgreedWindow?
    /// Nil: of a release that did not keep them.
    var limits: AgreedLimits?

    var subject: MinuteSubject { MinuteSubject(tenant: tenant, model: model, region: region) }

    static let columns: SQL = """
        id, tenant_id, terms_id, model, region, extract(epoch FROM starts_at)::bigint / 60 AS first,
        extract(epoch FROM ends_at)::bigint / 60 AS next, monthly_minimum_micro_usd, maintenance_weekday, maintenance_from_minute,
        maintenance_until_minute, limits::text AS limits_text
        """

    init(_ row: PostgresRow) throws {
        id = try row.value("id")
        tenant = try row.value("tenant_id")
        terms = try row.value("terms_id")
        model = try row.value("model")
        region = try row.value("region")
        starts = try row.value("first")
        ends = try row.value("next")
        monthlyMinimumMicroUsd = try row.value("monthly_minimum_micro_usd")
        limits = try row.value("limits_text", as: String?.self).flatMap(AgreedLimits.init)
        let from = try row.value("maintenance_from_minute", as: Int?.self)
        let until = try row.value("maintenance_until_minute", as: Int?.self)
        let weekday = try row.value("maintenance_weekday", as: Int?.self)
        if from != nil || weekday != nil { window = MaintenanceRules.AgreedWindow(weekday: weekday, from: from ?? 0, until: until ?? 1_440) }
    }

    /// What it covers of a month; empty: nothing.
    func minutes(in month: MinuteRange) -> MinuteRange {
        let first = max(month.lowerBound, starts)
        return first..<max(first, min(month.upperBound, ends ?? month.upperBound))
    }

    func maintenance(_ terms: TermsVersion) -> MaintenanceRules? { terms.maintenance(window) }
}
