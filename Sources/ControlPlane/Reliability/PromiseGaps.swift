package import Domain
package import Postgres

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
    ///   - zone: Of the contract, by whose clocks a window was agreed.
    ///   - codes: Of the exclusions that the contract has; nil: all.
    package func gaps(
        of subject: MinuteSubject, month: MinuteRange, rules: MaintenanceRules? = MaintenanceRules(), zone: String = "UTC",
        codes: [String]? = nil
    ) async throws -> [MinuteRange] {
        var ranges = try await exclusions(of: subject, month: month, codes: codes).map(\.minutes)
        if let rules {
            let planned = try await maintenance(of: subject, month: month)
            if !planned.isEmpty { ranges += rules.accepted(planned, in: month, clock: try await clock(of: zone, month: month)) }
        }
        return MinuteGaps.merged(ranges, within: month)
    }

    /// What an agreement leaves out of a range, month by month of its zone, in which maintenance is capped.
    func gaps(of agreement: Agreement, _ terms: TermsVersion, in range: MinuteRange) async throws -> [MinuteRange] {
        var (found, next): ([MinuteRange], Int64) = ([], range.lowerBound)
        while next < range.upperBound {
            let month = try await BudgetStates.month(of: next, in: terms.timeZone) { try await pool.queryOne($0) }
            found += try await gaps(
                of: agreement.subject, month: month, rules: agreement.maintenance(terms), zone: terms.timeZone, codes: terms.exclusions)
            next = month.upperBound
        }
        return MinuteGaps.merged(found, within: range)
    }

    /// What touches the month and was not cancelled, in time or not.
    func maintenance(of subject: MinuteSubject, month: MinuteRange) async throws -> [PlannedMaintenance] {
        let rows = try await pool.query(
            """
            SELECT reason, (extract(epoch FROM announced_at) * 1000000)::bigint AS announced, (extract(epoch FROM starts_at) * 1000000)::bigint AS starts,
                (extract(epoch FROM least(ends_at, completed_at)) * 1000000)::bigint AS ends
            FROM reliability.maintenance_window
            WHERE state <> 'cancelled' AND \(Self.concerns(subject)) AND starts_at < \(SQL.minute(month.upperBound))
                AND least(ends_at, completed_at) > greatest(starts_at, \(SQL.minute(month.lowerBound)))
            ORDER BY starts_at, announced_at, id
            """)
        return try rows.map { row in
            PlannedMaintenance(
                announced: try row.value("announced"), starts: try row.value("starts"), ends: try row.value("ends"), reason: try row.value("reason"))
        }
    }

    struct Exclusion: Sendable {
        let code: String
        let minutes: MinuteRange
        let approvers: [String]
        let reason: String
    }

    /// Those in effect, as far as they lie within the month.
    func exclusions(of subject: MinuteSubject, month: MinuteRange, codes: [String]?) async throws -> [Exclusion] {
        let tenant: SQL = subject.tenant.map { "(tenant_id IS NULL OR tenant_id = \($0))" } ?? "tenant_id IS NULL"
        let rows = try await pool.query(
            """
            SELECT code, reason, approved_by, extract(epoch FROM starts_at)::bigint / 60 AS first, extract(epoch FROM ends_at)::bigint / 60 AS next
            FROM reliability.effective_exclusion WHERE \(tenant) AND \(Self.concerns(subject))
                AND coalesce(code = ANY(\(codes)::text[]), true)
                AND starts_at < \(SQL.minute(month.upperBound)) AND ends_at > \(SQL.minute(month.lowerBound))
            ORDER BY starts_at, ends_at, id
            """)
        return try rows.map { row in
            let minutes = try row.value("first", as: Int64.self)..<row.value("next", as: Int64.self)
            return Exclusion(
                code: try row.value("code"), minutes: minutes.clamped(to: month), approvers: try row.value("approved_by"),
                reason: try row.value("reason"))
        }
    }

    /// Clocks are changed on a quarter of an hour everywhere.
    func clock(of zone: String, month: MinuteRange) async throws -> ZoneClock {
        let rows = try await pool.query(
            """
            SELECT minute, ahead FROM (
                SELECT extract(epoch FROM at)::bigint / 60 AS minute, shown.ahead, lag(shown.ahead) OVER (ORDER BY at) AS before
                FROM generate_series(\(SQL.minute(month.lowerBound)), \(SQL.minute(month.upperBound)), '15 minutes') AS at,
                    LATERAL (SELECT extract(epoch FROM (at AT TIME ZONE \(zone)) - (at AT TIME ZONE 'UTC'))::bigint / 60 AS ahead) AS shown) AS clock
            WHERE before IS DISTINCT FROM ahead ORDER BY minute
            """)
        return ZoneClock(try rows.map { ZoneClock.Step(since: try $0.value("minute"), ahead: try $0.value("ahead")) })
    }

    private static func concerns(_ subject: MinuteSubject) -> SQL {
        "coalesce(model = \(subject.model), true) AND coalesce(region = \(subject.region), true)"
    }
}
