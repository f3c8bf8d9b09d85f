import Synchronization

/// All metrics of a process. Handles are cheap to keep and safe from any thread; making one takes a lock.
package final class MetricRegistry: Sendable {
    /// Series that one family may have. A label whose values are not from a closed set runs into it.
    package static let seriesLimit = 1024

    private struct State {
        var families: [String: Family] = [:]
        var collectors: [@Sendable () -> [MetricFamily]] = []
        var refused = 0
    }

    struct Family {
        var help: String
        var kind: MetricKind
        var series: [MetricLabels: any MetricSeries] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// A count that only rises. `name` ends in `_total`.
    package func counter(_ name: String, _ help: String, labels: MetricLabels = [:]) -> CounterMetric {
        series(name, help, .counter, labels) { CounterMetric() }
    }

    /// A value that rises and falls. `name` ends in its unit.
    package func gauge(_ name: String, _ help: String, labels: MetricLabels = [:]) -> GaugeMetric {
        series(name, help, .gauge, labels) { GaugeMetric() }
    }

    /// A distribution over fixed buckets. `buckets` are upper bounds in rising order; the last, infinite one is added.
    package func histogram(
        _ name: String, _ help: String, buckets: [Double] = HistogramMetric.seconds, labels: MetricLabels = [:]
    ) -> HistogramMetric {
        series(name, help, .histogram, labels) { HistogramMetric(bounds: buckets) }
    }

    /// Adds families that are computed at each scrape, such as sums over event loops. The closure must return quickly.
    package func collect(_ collector: @escaping @Sendable () -> [MetricFamily]) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// Everything in Prometheus text format 0.0.4.
    package func prometheusText() -> String {
        PrometheusText.render(families())
    }

    /// All families in order of their names. Families of the same name are joined.
    package func families() -> [MetricFamily] {
        let (own, collectors, refused) = state.withLock { state in
            (state.families.map { name, family in family.snapshot(name: name) }, state.collectors, state.refused)
        }
        var byName: [String: MetricFamily] = [:]
        for family in own + collectors.flatMap({ $0() }) + [Self.refusedFamily(refused)] {
            byName[family.name, default: MetricFamily(family.name, family.help, family.kind, [])].samples += family.samples
        }
        return byName.values.sorted { $0.name < $1.name }
    }

    private func series<Series: MetricSeries>(
        _ name: String, _ help: String, _ kind: MetricKind, _ labels: MetricLabels, _ make: () -> Series
    ) -> Series {
        state.withLock { state in
            var family = state.families[name] ?? Family(help: help, kind: kind)
            if let known = family.series[labels] as? Series { return known }
            let made = make()
            guard family.kind == kind, family.series.count < Self.seriesLimit else {
                state.refused += 1
                return made
            }
            family.series[labels] = made
            state.families[name] = family
            return made
        }
    }

    private static func refusedFamily(_ count: Int) -> MetricFamily {
        MetricFamily(
            "plimsoll_metrics_refused_total", "Series that were not kept: too many in a family, or a name used for two kinds.", .counter,
            [MetricSample(Double(count))])
    }
}

extension MetricRegistry.Family {
    func snapshot(name: String) -> MetricFamily {
        MetricFamily(name, help, kind, series.map { labels, series in MetricSample(labels: labels, series.value) }.sorted { $0.labels < $1.labels })
    }
}
