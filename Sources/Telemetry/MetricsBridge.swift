package import CoreMetrics

/// Gives what libraries measure through swift-metrics a place in a registry. Names get the form that Prometheus asks for.
package struct MetricsBridge: MetricsFactory {
    private let registry: MetricRegistry
    private static let help = "Measured by a library."

    /// Sends the metrics of this process's libraries to `registry`. Call once, in `main`.
    package static func bootstrap(_ registry: MetricRegistry) {
        MetricsSystem.bootstrap(MetricsBridge(registry: registry))
    }

    init(registry: MetricRegistry) {
        self.registry = registry
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        BridgedCounter(registry.counter(Self.name(label, suffix: "_total"), Self.help, labels: Self.labels(dimensions)))
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        BridgedGauge(registry.gauge(Self.name(label), Self.help, labels: Self.labels(dimensions)))
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        BridgedGauge(registry.gauge(Self.name(label), Self.help, labels: Self.labels(dimensions)))
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return BridgedGauge(registry.gauge(Self.name(label), Self.help, labels: Self.labels(dimensions))) }
        return BridgedHistogram(registry.histogram(Self.name(label), Self.help, labels: Self.labels(dimensions)))
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        BridgedHistogram(registry.histogram(Self.name(label, suffix: "_seconds"), Self.help, labels: Self.labels(dimensions)))
    }

    // Series live as long as the registry: a count that comes back must not start again.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    static func name(_ label: String, suffix: String = "") -> String {
        let clean = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? Character($0.lowercased()) : "_" })
        let start = clean.first?.isNumber == true ? "_" + clean : clean
        return start.hasSuffix(suffix) ? start : start + suffix
    }

    private static func labels(_ dimensions: [(String, String)]) -> MetricLabels {
        MetricLabels(dimensions.map { (name($0.0), $0.1) })
    }
}

private final class BridgedCounter: CounterHandler {
    private let counter: CounterMetric

    init(_ counter: CounterMetric) {
        self.counter = counter
    }

    func increment(by amount: Int64) { counter.increment(by: Int(amount)) }

    /// A counter of Prometheus never falls.
    func reset() {}
}

private final class BridgedGauge: MeterHandler, RecorderHandler, FloatingPointCounterHandler {
    private let gauge: GaugeMetric

    init(_ gauge: GaugeMetric) {
        self.gauge = gauge
    }

    func set(_ value: Int64) { gauge.set(Double(value)) }
    func set(_ value: Double) { gauge.set(value) }
    func increment(by amount: Double) { gauge.add(amount) }
    func decrement(by amount: Double) { gauge.add(-amount) }
    func record(_ value: Int64) { gauge.set(Double(value)) }
    func record(_ value: Double) { gauge.set(value) }
    func reset() { gauge.set(0) }
}

private final class BridgedHistogram: RecorderHandler, TimerHandler {
    private let histogram: HistogramMetric

    init(_ histogram: HistogramMetric) {
        self.histogram = histogram
    }

    func record(_ value: Int64) { histogram.observe(Double(value)) }
    func record(_ value: Double) { histogram.observe(value) }
    func recordNanoseconds(_ duration: Int64) { histogram.observe(Double(duration) * 1e-9) }
    func preferDisplayUnit(_ unit: TimeUnit) {}
}
