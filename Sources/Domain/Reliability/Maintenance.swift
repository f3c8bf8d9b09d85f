/// Whether and how much of a maintenance window is kept out of the customer's promise (reference, section 2.2).
package enum Maintenance {
    package static let defaultLeadSeconds: Int64 = 72 * 3600
    package static let defaultMonthlyMinutes: Int64 = 240

    /// Announced at least the lead time ahead. All instants in microseconds since 1970.
    package static func isAnnouncedInTime(announced: Int64, windowStart: Int64, leadSeconds: Int64 = defaultLeadSeconds) -> Bool {
        windowStart - announced >= leadSeconds * 1_000_000
    }

    /// Minutes of a month's announced maintenance that are excluded; the rest counts like any other time.
    package static func split(announcedMinutes: Int64, capMinutes: Int64 = defaultMonthlyMinutes) -> (excluded: Int64, counted: Int64) {
        let excluded = min(max(announcedMinutes, 0), max(capMinutes, 0))
        return (excluded, max(announcedMinutes, 0) - excluded)
    }
}
