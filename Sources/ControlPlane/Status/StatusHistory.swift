import Domain
import FoundationEssentials
import PlimsollWire

/// Periods of the status page, made of counts.
struct StatusHistory: Sendable {
    static let days: Int64 = 90
    static let hours: Int64 = 24

    let span: PublicSpan
    /// Minutes since 1970 that are over; what is later is not told.
    let until: Int64
    let counts: [StatusEvidence.Key: PublicCounts]
    let latency: [StatusEvidence.Key: PublicLatency.Percentiles]
    let work: [AnnouncedWork]

    /// Minutes of the last `count` periods of the span, the present one included.
    static func range(_ span: PublicSpan, count: Int64, until: Int64) -> MinuteRange {
        let last = until / span.minutes * span.minutes
        return (last - (count - 1) * span.minutes)..<max(until, last + 1)
    }

    /// - Parameter since: Minutes since 1970 of the first evidence; time before it is not told.
    func periods(of place: StatusPlace, count: Int64, since: Int64?) -> [StatusPeriod] {
        let range = Self.range(span, count: count, until: until)
        return stride(from: range.lowerBound, to: range.upperBound, by: Int64.Stride(span.minutes)).map { start in
            period(of: place, start: start, since: since)
        }
    }

    private func period(of place: StatusPlace, start: Int64, since: Int64?) -> StatusPeriod {
        var period = StatusPeriod(start: Date(timeIntervalSince1970: Double(start) * 60))
        let told = max(start, since ?? .max)..<max(start, since ?? .max, min(start + span.minutes, until))
        guard !told.isEmpty else { return period }
        let key = StatusEvidence.Key(place: place, start: start)
        let counts = counts[key] ?? PublicCounts()
        period.good = counts.good
        period.bad = counts.bad
        period.excluded = MinuteGaps.merged(work.filter { $0.place == place }.map(\.minutes), within: told).reduce(0) { $0 + Int64($1.count) }
        period.unmeasured = max(Int64(told.count) - period.excluded - counts.good - counts.bad, 0)
        period.worst = PublicStatus.worst(
            good: counts.good, bad: counts.bad, lost: counts.lost, excluded: period.excluded, unmeasured: period.unmeasured
        ).map(ComponentStatus.init)
        if counts.counting > 0 { period.failedPpm = counts.failed * 1_000_000 / counts.counting }
        if counts.requests > 0 { period.limitedPpm = counts.limited * 1_000_000 / counts.requests }
        period.firstTokenP50 = latency[key]?.p50
        period.firstTokenP95 = latency[key]?.p95
        return period
    }
}

extension ComponentStatus {
    init(_ state: PublicStatus.State) {
        self =
            switch state {
            case .operational: .operational
            case .underMaintenance: .underMaintenance
            case .unmeasured: .unmeasured
            case .degradedPerformance: .degradedPerformance
            case .partialOutage: .partialOutage
            case .majorOutage: .majorOutage
            }
    }
}
