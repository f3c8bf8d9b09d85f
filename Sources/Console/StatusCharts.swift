import Domain
import FoundationEssentials
import PlimsollWire

/// Charts of the status page as inline SVG. Each has a text that says the same.
enum StatusCharts {
    private static let height = 34
    private static let step = 8
    private static let bar = 6

    /// A column for each day: what was good, bad, left out and unmeasured, to scale; the least share is still seen.
    static func history(_ component: StatusComponent) -> HTML {
        history(component.days, "\(component.modelName) in \(component.regionName), last \(component.days.count) days")
    }

    static func history(_ days: [StatusPeriod], _ name: String) -> HTML {
        let columns = days.enumerated().map { column($1, x: $0 * step) }
        let width = days.count * step - (step - bar)
        let title = "\(name): \(summary(days))"
        return """
            <svg class="history" viewBox="0 0 \(max(width, 1)) \(height)" preserveAspectRatio="none" role="img" aria-label="\(title)">\(columns)</svg>
            """
    }

    /// Such as `99.98 % of 43,200 minutes were good, 9 were bad`.
    static func summary(_ periods: [StatusPeriod]) -> String {
        let sum = { (count: (StatusPeriod) -> Int64) in periods.reduce(0) { $0 + count($1) } }
        let (good, bad, unmeasured, excluded) = (sum(\.good), sum(\.bad), sum(\.unmeasured), sum(\.excluded))
        guard let uptime = ShareText.uptime(PublicStatus.uptime(good: good, bad: bad, unmeasured: unmeasured)) else { return "nothing measured yet" }
        let minutes = good + bad + unmeasured
        var parts = ["\(uptime) of \(ShareText.count(minutes)) \(Counted.noun(minutes, "minute")) \(minutes == 1 ? "was" : "were") good"]
        if bad > 0 { parts.append("\(ShareText.count(bad)) bad") }
        if unmeasured > 0 { parts.append("\(ShareText.count(unmeasured)) unmeasured") }
        if excluded > 0 { parts.append("\(ShareText.count(excluded)) in announced maintenance left out") }
        return parts.joined(separator: ", ")
    }

    /// What the bars say of each day that was not all good, for whoever cannot point at one: the latest first.
    static func days(_ days: [StatusPeriod], _ title: String) -> HTML? {
        let rows: [HTML] = days.filter { $0.bad + $0.unmeasured + $0.excluded > 0 }.reversed().map { day in
            "<li><strong>\(Moment.day(day.start))</strong> \(summary([day]))</li>"
        }
        guard !rows.isEmpty else { return nil }
        return "<details><summary>\(title)</summary><ol class=\"days\">\(rows)</ol></details>"
    }

    private static func column(_ day: StatusPeriod, x: Int) -> HTML {
        let parts: [(Int64, HTML)] = [(day.bad, "b"), (day.unmeasured, "u"), (day.excluded, "x"), (day.good, "g")]
        let total = parts.reduce(0) { $0 + $1.0 }
        let title = "\(Moment.day(day.start)): \(total == 0 ? "not measured yet" : summary([day]))"
        guard total > 0 else {
            return "<g><title>\(title)</title><rect class=\"n\" x=\"\(x)\" y=\"0\" width=\"\(bar)\" height=\"\(height)\"/></g>"
        }
        let seen = parts.filter { $0.0 > 0 }
        var left = height
        var y = 0
        var rects: [HTML] = []
        for (index, (count, kind)) in seen.enumerated() {
            let share = max(4, Int(count * Int64(height) / total))
            let size = index == seen.count - 1 ? left : min(share, left - 4 * (seen.count - 1 - index))
            rects.append("<rect class=\"\(kind)\" x=\"\(x)\" y=\"\(y)\" width=\"\(bar)\" height=\"\(size)\"/>")
            y += size
            left -= size
        }
        return "<g><title>\(title)</title>\(rects)</g>"
    }

    /// One or two lines over periods. Where there is no value the line is broken.
    struct Lines {
        var title: String
        /// Of a value as the text and the axis tell it.
        var unit: @Sendable (Int64) -> String
        var series: [(name: String, value: @Sendable (StatusPeriod) -> Int64?)]
        /// The axis reaches at least so far.
        var least: Int64
        /// Where the axis begins, or below it where a value is lower.
        var base: Int64 = 0
    }

    static let lines: [Lines] = [
        Lines(
            title: "Availability", unit: { ShareText.percent(ppm: $0) },
            series: [
                (
                    "good minutes",
                    { period in
                        let counting = period.good + period.bad + period.unmeasured
                        return counting == 0 ? nil : period.good * 1_000_000 / counting
                    }
                )
            ], least: 1_000_000, base: 990_000),
        Lines(
            title: "Time to first token", unit: { ShareText.seconds(microseconds: $0) },
            series: [("p95", \.firstTokenP95), ("p50", \.firstTokenP50)], least: 100_000),
        Lines(title: "Error rate", unit: { ShareText.percent(ppm: $0) }, series: [("failed requests", \.failedPpm)], least: 10_000),
        Lines(title: "429 rate", unit: { ShareText.percent(ppm: $0) }, series: [("refused requests", \.limitedPpm)], least: 10_000),
    ]

    static func chart(_ lines: Lines, _ periods: [StatusPeriod], over time: String) -> HTML {
        chart(lines, lines.series.map { series in periods.map(series.value) }, over: time)
    }

    /// - Parameter values: Of each of the lines' series, whatever they were read from.
    static func chart(_ lines: Lines, _ values: [[Int64?]], over time: String) -> HTML {
        let known = values.flatMap { $0.compactMap { $0 } }
        let top = max(known.max() ?? 0, lines.least)
        let base = lines.base == 0 ? 0 : min(known.min() ?? lines.base, lines.base)
        let told = zip(lines.series, values).map { series, values -> String in
            let known = values.compactMap { $0 }
            guard let last = known.last, let least = known.min(), let most = known.max() else { return "\(series.name): no data" }
            return "\(series.name) \(lines.unit(last)) last, \(lines.unit(least)) to \(lines.unit(most))"
        }.joined(separator: "; ")
        let paths = values.enumerated().map { index, values in path(values, base...top, isSecond: index > 0) }
        return """
            <figure class="chart"><figcaption>\(lines.title), \(time)</figcaption>\
            <svg viewBox="0 0 240 60" preserveAspectRatio="none" role="img" aria-label="\(lines.title), \(time): \(told)">\
            <path class="axis" d="M0 59.5H240M0 .5H240"/>\(paths)</svg>\
            <p class="told"><span class="top">\(lines.unit(base)) to \(lines.unit(top))</span> \(told)</p></figure>
            """
    }

    private static func path(_ values: [Int64?], _ axis: ClosedRange<Int64>, isSecond: Bool) -> HTML {
        var d = ""
        var isOpen = false
        let width = Int64(max(values.count - 1, 1))
        for (index, value) in values.enumerated() {
            guard let value else {
                isOpen = false
                continue
            }
            let height = (value - axis.lowerBound) * 580 / max(axis.upperBound - axis.lowerBound, 1)
            let (x, y) = (Int64(index) * 2_400 / width, 590 - height)
            d += "\(isOpen ? "L" : "M")\(tenths(x)) \(tenths(y))"
            // A single value is a dot: a line of no length with a round end.
            if !isOpen, index + 1 >= values.count || values[index + 1] == nil { d += "h.1" }
            isOpen = true
        }
        return d.isEmpty ? "" : "<path class=\"\(isSecond ? "line second" as HTML : "line" as HTML)\" d=\"\(d)\"/>"
    }

    private static func tenths(_ value: Int64) -> String { value % 10 == 0 ? "\(value / 10)" : "\(value / 10).\(abs(value % 10))" }
}
