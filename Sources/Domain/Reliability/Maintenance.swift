/// Whether and how much of a maintenance window is kept out of the customer's promise (reference, section 2.2).
package enum Maintenance {
    /// Of the exclusion, as contracts name it.
    package static let code = "scheduled_maintenance"
    package static let defaultLeadSeconds: Int64 = 72 * 3600
    package static let defaultMonthlyMinutes: Int64 = 240

    /// Announced at least the lead time ahead. All instants in microseconds since 1970.
    package static func isAnnouncedInTime(announced: Int64, windowStart: Int64, leadSeconds: Int64 = defaultLeadSeconds) -> Bool {
        let (ahead, isFar) = windowStart.subtractingReportingOverflow(announced)
        return isFar ? windowStart > announced : ahead >= leadSeconds * 1_000_000
    }

    /// Minutes of a month's announced maintenance that are excluded; the rest counts like any other time.
    package static func split(announcedMinutes: Int64, capMinutes: Int64 = defaultMonthlyMinutes) -> (excluded: Int64, counted: Int64) {
        let excluded = min(max(announcedMinutes, 0), max(capMinutes, 0))
        return (excluded, max(announcedMinutes, 0) - excluded)
    }
}

/// One maintenance window. Instants in microseconds since 1970.
package struct PlannedMaintenance: Sendable, Equatable {
    package let announced: Int64
    package let starts: Int64
    /// When it was to end, or did.
    package let ends: Int64
    package let reason: String

    package init(announced: Int64, starts: Int64, ends: Int64, reason: String) {
        self.announced = announced
        self.starts = starts
        self.ends = ends
        self.reason = reason
    }

    /// From the minute in which it starts, as many as it needs; since 1970.
    package var minutes: Range<Int64> {
        let first = starts.floored(to: Self.minute)
        let count = max(0, (ends - starts + Self.minute - 1).floored(to: Self.minute))
        return first..<first + count
    }

    private static let minute: Int64 = 60_000_000
}

/// How a contract accepts scheduled maintenance.
package struct MaintenanceRules: Sendable, Equatable {
    /// A part of each day, or of the days that are one day of the week.
    package struct AgreedWindow: Sendable, Equatable {
        /// 1 Monday to 7 Sunday, of the day on which it begins; nil: every day.
        package let weekday: Int?
        /// Minutes of the day, 0 to 1439 and 1 to 1440. An end that is not behind the beginning is the next day's.
        package let from: Int
        package let until: Int

        package init(weekday: Int?, from: Int, until: Int) {
            self.weekday = weekday
            self.from = from
            self.until = until
        }

        /// - Parameter local: Minutes since 1970 by the clock of the contract's zone.
        func contains(_ local: Int64) -> Bool {
            let day = local.floored(to: 1_440)
            let minute = Int(local - day * 1_440)
            guard until <= from else { return isMeant(day) && (from..<until).contains(minute) }
            return minute >= from ? isMeant(day) : minute < until && isMeant(day - 1)
        }

        /// 1 January 1970 was a Thursday.
        private func isMeant(_ day: Int64) -> Bool { weekday.map { Int64($0) == (day + 3) - (day + 3).floored(to: 7) * 7 + 1 } ?? true }
    }

    package let leadSeconds: Int64
    package let monthlyMinutes: Int64
    /// Nil: any time was agreed.
    package let window: AgreedWindow?

    package init(
        leadSeconds: Int64 = Maintenance.defaultLeadSeconds, monthlyMinutes: Int64 = Maintenance.defaultMonthlyMinutes, window: AgreedWindow? = nil
    ) {
        self.leadSeconds = leadSeconds
        self.monthlyMinutes = monthlyMinutes
        self.window = window
    }

    /// Minutes that are left out: of what was announced in time those inside the agreed window, the month's first ones up to its cap.
    ///
    /// - Parameter month: Of the contract, at most a month.
    package func accepted(_ planned: [PlannedMaintenance], in month: Range<Int64>, clock: ZoneClock) -> [Range<Int64>] {
        let announced = planned.filter {
            Maintenance.isAnnouncedInTime(announced: $0.announced, windowStart: $0.starts, leadSeconds: leadSeconds)
        }
        var (accepted, left): ([Range<Int64>], Int64) = ([], max(monthlyMinutes, 0))
        for range in MinuteGaps.merged(announced.map(\.minutes), within: month) {
            for minute in range where left > 0 && window?.contains(clock.local(minute)) ?? true {
                accepted.append(minute..<minute + 1)
                left -= 1
            }
        }
        return MinuteGaps.merged(accepted, within: month)
    }
}

/// What clocks of a zone show in a month.
package struct ZoneClock: Sendable, Equatable {
    /// From this minute since 1970 on clocks are so many minutes ahead of UTC.
    package struct Step: Sendable, Equatable {
        package let since: Int64
        package let ahead: Int64

        package init(since: Int64, ahead: Int64) {
            self.since = since
            self.ahead = ahead
        }
    }

    package static let utc = ZoneClock([Step(since: .min, ahead: 0)])

    /// In order; what is before the first one is as it.
    package let steps: [Step]

    package init(_ steps: [Step]) {
        self.steps = steps
    }

    func local(_ minute: Int64) -> Int64 { minute + ((steps.last { $0.since <= minute } ?? steps.first)?.ahead ?? 0) }
}

/// Ranges of minutes.
package enum MinuteGaps {
    /// The same minutes as ranges in order that do not touch, as far as they lie within the range.
    package static func merged(_ ranges: [Range<Int64>], within range: Range<Int64>) -> [Range<Int64>] {
        var merged: [Range<Int64>] = []
        for next in ranges.map({ $0.clamped(to: range) }).filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, next.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
            } else {
                merged.append(next)
            }
        }
        return merged
    }
}

extension Int64 {
    /// The quotient, rounded down.
    fileprivate func floored(to unit: Int64) -> Int64 { self >= 0 ? self / unit : -((-self + unit - 1) / unit) }
}
