import Domain
import Postgres

/// Minutes in which something was subscribed, which may have gaps.
struct CoveredMinutes: Sendable, Equatable {
    /// In order; they do not touch.
    let parts: [MinuteRange]
    /// From the first to the last of them.
    let hull: MinuteRange

    init(_ parts: [MinuteRange], within range: MinuteRange) {
        self.parts = MinuteGaps.merged(parts, within: range)
        let first = self.parts.first?.lowerBound ?? range.lowerBound
        hull = first..<(self.parts.last?.upperBound ?? first)
    }

    /// Each day of UTC from the first to the last of them, as far as it lies between these, and what is covered of it: nothing in the middle of a gap.
    var days: [(day: MinuteRange, parts: [MinuteRange])] {
        var (days, first): ([(day: MinuteRange, parts: [MinuteRange])], Int64) = ([], hull.lowerBound)
        while first < hull.upperBound {
            let day = first..<min((first / 1_440 + 1) * 1_440, hull.upperBound)
            days.append((day, MinuteGaps.merged(parts, within: day)))
            first = day.upperBound
        }
        return days
    }

    /// Whether a time lies in one of them. The first and last bound stand by themselves, because partitions are chosen by these.
    func contain(_ time: SQL) -> SQL {
        let within: SQL = "\(time) >= \(SQL.minute(hull.lowerBound)) AND \(time) < \(SQL.minute(hull.upperBound))"
        guard parts.count > 1 else { return within }
        return """
            (\(within) AND \(time) <@ (SELECT range_agg(tstzrange(to_timestamp(first * 60), to_timestamp(next * 60)))
                FROM unnest(\(parts.map(\.lowerBound))::bigint[], \(parts.map(\.upperBound))::bigint[]) AS part (first, next)))
            """
    }
}
