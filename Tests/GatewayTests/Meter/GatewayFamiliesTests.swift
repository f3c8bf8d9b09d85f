import FoundationEssentials
import Logging
import PlimsollWire
import Telemetry
import Testing

@testable import Gateway

@Suite("Metrics of a gateway")
struct GatewayFamiliesTests {
    private func value(_ name: String, in registry: MetricRegistry) -> MetricValue? {
        registry.families().first { $0.name == "plimsoll_gateway_" + name }?.samples.first?.value
    }

    @Test("the spool's state is shown")
    func spool() async throws {
        let stand = try await SpoolStand(ScratchFolder())
        let registry = MetricRegistry()
        SpoolMetrics.register(stand.spool, isShipped: true, in: registry)
        try await stand.serve(2)
        #expect(value("spool_records_total", in: registry) == .number(4))
        #expect(value("spool_refusing_loops", in: registry) == .number(0))
        let shipper = UsageShipper(spool: stand.spool, logger: .init(label: "test")) { batch in
            IntakeResponse(stored: batch.records.count, duplicates: 0, quarantined: 0)
        }
        try await shipper.drain()
        #expect(value("usage_shipped_total", in: registry) == .number(2))
        try await stand.spool.close()
    }

    @Test("the document of metrics names every family of a gateway")
    func documented() async throws {
        let registry = MetricRegistry()
        let stand = try await SpoolStand(ScratchFolder())
        SpoolMetrics.register(stand.spool, isShipped: true, in: registry)
        _ = GatewayMetrics(registry)
        _ = LinkMetrics(registry)
        _ = ProbeMetrics(registry)
        _ = ScoreMetrics(registry)
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/metrics.md"), encoding: .utf8)
        for family in registry.families() { #expect(text.contains("`\(family.name)`"), "\(family.name)") }
        try await stand.spool.close()
    }
}
