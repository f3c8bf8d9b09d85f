import Glibc
import Metrics
import Testing

@testable import Telemetry

@Suite struct MetricTests {
    @Test func countersGaugesAndHistogramsAreRenderedWithTheirLabels() {
        let registry = MetricRegistry()
        registry.counter("a_total", "Help \\ me.", labels: ["outcome": "good \"x\""]).increment(by: 3)
        registry.gauge("b_ratio", "B.").set(0.5)
        let histogram = registry.histogram("c_seconds", "C.", buckets: [0.1, 1])
        for value in [0.1, 0.2, 5] { histogram.observe(value) }
        let text = registry.prometheusText()
        #expect(text.contains("# HELP a_total Help \\\\ me.\n# TYPE a_total counter\na_total{outcome=\"good \\\"x\\\"\"} 3\n"))
        #expect(text.contains("b_ratio 0.5\n"))
        #expect(text.contains("c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1\"} 2\nc_seconds_bucket{le=\"+Inf\"} 3\n"))
        #expect(text.contains("c_seconds_sum 5.3\nc_seconds_count 3\n"))
    }

    @Test func theSameSeriesIsGivenTwice() {
        let registry = MetricRegistry()
        registry.counter("a_total", "A.", labels: ["x": "1", "y": "2"]).increment()
        registry.counter("a_total", "A.", labels: ["y": "2", "x": "1"]).increment()
        #expect(registry.prometheusText().contains("a_total{x=\"1\",y=\"2\"} 2\n"))
    }

    @Test func aFamilyHasABoundAndANameHasOneKind() {
        let registry = MetricRegistry()
        for index in 0...MetricRegistry.seriesLimit { registry.counter("a_total", "A.", labels: ["n": "\(index)"]).increment() }
        registry.gauge("a_total", "A.").set(1)
        #expect(registry.families().first { $0.name == "a_total" }?.samples.count == MetricRegistry.seriesLimit)
        #expect(registry.prometheusText().contains("plimsoll_metrics_refused_total 2\n"))
    }

    @Test func whatCollectorsGiveIsJoinedWithWhatIsKept() {
        let registry = MetricRegistry()
        registry.collect { [MetricFamily("a_total", "A.", .counter, [MetricSample(labels: ["loop": "1"], 4)])] }
        registry.counter("a_total", "A.", labels: ["loop": "0"]).increment()
        #expect(registry.families().first { $0.name == "a_total" }?.samples.count == 2)
    }

    @Test func librariesMetricsGetPrometheusNames() {
        let registry = MetricRegistry()
        let bridge = MetricsBridge(registry: registry)
        bridge.makeCounter(label: "hb.requests", dimensions: [("Status-Code", "200")]).increment(by: 2)
        bridge.makeTimer(label: "hb.request.duration", dimensions: []).recordNanoseconds(2_000_000)
        let text = registry.prometheusText()
        #expect(text.contains("hb_requests_total{status_code=\"200\"} 2\n"))
        #expect(text.contains("hb_request_duration_seconds_count 1\n"))
    }

    @Test func theProcessDescribesItself() {
        let values = Dictionary(
            ProcessMetrics.families().compactMap { family -> (String, Double)? in
                guard case .number(let value) = family.samples[0].value else { return nil }
                return (family.name, value)
            }, uniquingKeysWith: { first, _ in first })
        #expect(values["process_resident_memory_bytes", default: 0] > 1_048_576)
        #expect(values["process_open_fds", default: 0] >= 3)
        #expect(abs(values["process_start_time_seconds", default: 0] - Double(time(nil))) < 3600)
    }

    @Test func promtoolAcceptsThePage() throws {
        let registry = MetricRegistry()
        ProcessMetrics.register(in: registry)
        registry.counter("plimsoll_gateway_requests_total", "Requests.", labels: ["outcome": "good"]).increment()
        registry.histogram("plimsoll_gateway_first_token_seconds", "Time to the first token.").observe(.milliseconds(3))
        let pipe = try #require(popen("promtool check metrics 2>&1 1>&2", "w"))
        fputs(registry.prometheusText(), pipe)
        #expect(pclose(pipe) == 0)
    }
}
