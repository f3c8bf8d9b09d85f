import Domain
package import Postgres

/// How a contract accepts scheduled maintenance.
package struct MaintenanceRules: Sendable, Equatable {
    /// A part of each day, or of one day of the week, in a zone; from and until in minutes of the day.
    package struct AgreedWindow: Sendable, Equatable {
        /// 1 Monday to 7 Sunday; nil: every day.
        package var weekday: Int?
        package var minutes: Range<Int>
        /// IANA name.
        package var zone: String

        package init(weekday: Int?, minutes: Range<Int>, zone: String) {
            self.weekday = weekday
            self.minutes = minutes
            self.zone = zone
        }
    }

    package var leadSeconds: Int64
    package var monthlyMinutes: Int64
    /// Nil: any time was agreed.
    package var window: AgreedWindow?

    package init(
        leadSeconds: Int64 = Maintenance.defaultLeadSeconds, monthlyMinutes: Int64 = Maintenance.defaultMonthlyMinutes, window: AgreedWindow? = nil
    ) {
        self.leadSeconds = leadSeconds
        self.monthlyMinutes = monthlyMinutes
        self.window = window
    }
}

/// Finds the minutes that a promise leaves out: accepted maintenance up to its cap, and approved exclusions. Looked up whenever minutes are read.
package struct PromiseGaps: Sendable {
    private let pool: PostgresPool

    /// - Parameter pool: Of the reliability room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// In order, apart from each other.
    ///
    /// - Parameters:
    ///   - month: One month of the contract, because maintenance is capped by the month: its first minutes count up to the cap.
    ///   - rules: Nil: the contract leaves out no maintenance.
    ///   - codes: Of the exclusions that the contract has; nil: all.
    package func gaps(
        of subject: MinuteSubject, month: MinuteRange, rules: MaintenanceRules? = MaintenanceRules(), codes: [String]? = nil
    ) async throws -> [MinuteRange] {
        var ranges = try await exclusions(subject, month, codes)
        if let rules { ranges += try await maintenance(subject, month, rules) }
        return MinuteGaps.merged(ranges, within: month)
    }

    private func maintenance(_ subject: MinuteSubject, _ month: MinuteRange, _ rules: MaintenanceRules) async throws -> [MinuteRange] {
        let rows = try await pool.query(
            """
            SELECT DISTINCT extract(epoch FROM minute_at)::bigint / 60 AS minute
            FROM reliability.maintenance_window AS planned, LATERAL generate_series(
                greatest(planned.starts_at, \(SQL.minute(month.lowerBound))),
                least(planned.ends_at, planned.completed_at, \(SQL.minute(month.upperBound))) - interval '1 microsecond', '1 minute') AS minute_at
            WHERE state <> 'cancelled' AND \(Self.concerns(subject))
                AND planned.starts_at - planned.announced_at >= make_interval(secs => \(rules.leadSeconds)) AND \(Self.agreed(rules.window))
            ORDER BY minute LIMIT \(max(rules.monthlyMinutes, 0))
            """)
        return try rows.map { row in
            let minute: Int64 = try row.value("minute")
            return minute..<minute + 1
        }
    }

    private func exclusions(_ subject: MinuteSubject, _ month: MinuteRange, _ codes: [String]?) async throws -> [MinuteRange] {
        let tenant: SQL = subject.tenant.map { "(tenant_id IS NULL OR tenant_id = \($0))" } ?? "tenant_id IS NULL"
        let rows = try await pool.query(
            """
            SELECT extract(epoch FROM starts_at)::bigint / 60 AS first, extract(epoch FROM ends_at)::bigint / 60 AS next
            FROM reliability.effective_exclusion WHERE \(tenant) AND \(Self.concerns(subject))
                AND coalesce(code = ANY(\(codes)::text[]), true)
                AND starts_at < \(SQL.minute(month.upperBound)) AND ends_at > \(SQL.minute(month.lowerBound))
            """)
        return try rows.map { row in try row.value("first", as: Int64.self)..<row.value("next", as: Int64.self) }
    }

    private static func concerns(_ subject: MinuteSubject) -> SQL {
        "coalesce(model = \(subject.model), true) AND coalesce(region = \(subject.region), true)"
    }

    private static func agreed(_ window: MaintenanceRules.AgreedWindow?) -> SQL {
        guard let window else { return "TRUE" }
        let day: SQL = window.weekday.map { "extract(isodow FROM minute_at AT TIME ZONE \(window.zone)) = \($0)" } ?? "TRUE"
        return """
            (\(day) AND extract(hour FROM minute_at AT TIME ZONE \(window.zone)) * 60 + extract(minute FROM minute_at AT TIME ZONE \(window.zone))
                BETWEEN \(window.minutes.lowerBound) AND \(window.minutes.upperBound - 1))
            """
    }
}
