import Foundation
import Logging
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("Reports of abuse") struct AbuseShipperTests {
    /// Bytes that the control plane takes at once.
    private static let limit = 1 << 20

    private static var id: String { UUID().uuidString.lowercased() }

    /// A control plane that was away the first time, and refuses what is too large as the true one does.
    private final class ControlPlane: Sendable {
        struct Refusal: Error {}

        private let calls = Atomic<Int>(0)
        private let taken = Mutex<[AbuseReport]>([])

        var reports: [AbuseReport] { taken.withLock { $0 } }
        var hits: Int { reports.flatMap(\.hits).map(\.count).reduce(0, +) }
        var uses: Int { reports.flatMap { $0.uses ?? [] }.count }
        var locks: Int { reports.map(\.locks).reduce(0, +) }

        func take(_ report: AbuseReport) throws {
            guard calls.wrappingAdd(1, ordering: .relaxed).oldValue > 0 else { throw Refusal() }
            guard try WireCoder.encode(report).count <= AbuseShipperTests.limit else { throw Refusal() }
            taken.withLock { $0.append(report) }
        }
    }

    @Test("what an outage leaves waiting goes in parts that are taken, and each once") func parts() async throws {
        let rule = Self.id
        let noticed = Mutex<AbuseReport?>(
            AbuseReport(
                hits: (0..<9_000).map { _ in AbuseReport.RuleHit(rule: rule, tenant: Self.id, count: 2) }, locks: 3,
                uses: (0..<9_000).map { _ in KeyUse(key: Self.id, at: 1_785_369_600, address: "2001:db8:7f3a:91c2::") }))
        let control = ControlPlane()
        let shipper = AbuseShipper(
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), interval: .milliseconds(10),
            take: {
                noticed.withLock { report in
                    defer { report = nil }
                    return report ?? AbuseReport(hits: [], locks: 0)
                }
            },
            send: { report in
                try control.take(report)
                return IntakeResponse(stored: report.hits.count, duplicates: 0, quarantined: 0)
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await Waiting.until("all of it", within: .seconds(30)) { control.hits >= 18_000 && control.uses >= 9_000 }
            group.cancelAll()
        }
        #expect(control.hits == 18_000 && control.uses == 9_000 && control.locks == 3)
    }
}
