import Logging
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite struct FleetShipperTests {
    private struct Away: Error {}

    private final class Counts: Sendable {
        let taken = Atomic<Int>(0)
        let attempts = Atomic<Int>(0)
        let sent = Mutex<[[String: String]]>([])

        func take() -> Int { taken.wrappingAdd(1, ordering: .relaxed).oldValue }
        func attempt() -> Int { attempts.wrappingAdd(1, ordering: .relaxed).oldValue }
    }

    /// Reports that are taken, one after the other; the last one stays.
    private func told(_ reports: [[String: String]], failing: Set<Int> = [], looks: Int = 1, count: Int) async throws -> [[String: String]] {
        let counts = Counts()
        let shipper = FleetShipper(
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), interval: .milliseconds(looks), looks: looks,
            take: { FleetReport(out: reports[min(counts.take(), reports.count - 1)]) },
            send: { report in
                if failing.contains(counts.attempt()) { throw Away() }
                counts.sent.withLock { $0.append(report.out) }
            })
        let running = Task { try await shipper.run() }
        try await until { counts.taken.load(ordering: .relaxed) >= count }
        running.cancel()
        try await running.value
        return counts.sent.withLock { $0 }
    }

    @Test func whatIsOutIsToldAgainAndAgainAndItsEndOnce() async throws {
        #expect(try await told([[:], [:], ["w": "slow"], ["w": "slow"], [:], [:]], count: 8) == [[:], ["w": "slow"], ["w": "slow"], [:]])
    }

    @Test func aChangeIsToldAtTheNextLookAndWhatStaysOnceInAnInterval() async throws {
        let (slow, lost) = (["w": "slow"], ["w": "lost"])
        #expect(
            try await told([[:], slow, slow, lost, lost, lost, lost, lost, [:]], looks: 3, count: 12) == [[:], slow, lost, lost, [:]])
    }

    @Test func anEndThatCouldNotBeToldIsToldLater() async throws {
        #expect(try await told([[:], ["w": "host"], [:]], failing: [2, 3], count: 9) == [[:], ["w": "host"], [:]])
    }

    @Test func aWorkerThatWasReadyAndIsNotIsReportedByItsRegion() {
        let registry = LinkRegistry()
        let entry = WorkerEntry(
            id: "w", host: "h", provider: "p", pool: "p", region: "eu", model: "m", release: "r", dialect: .vllm, link: .tunnel, draining: true,
            slots: 1, contextTokens: 1, weight: 1)
        registry.assign([entry])
        let book = WorkerBook(registry: registry)
        _ = book.worker(entry)
        #expect(book.lost(in: "eu").isEmpty)
        registry.load(worker: "w").take(LinkReport.Worker(id: "w", ready: true, load: RuntimeLoad()), of: .serving, at: .now())
        #expect(book.lost(in: "eu").isEmpty)
        registry.load(worker: "w").lost()
        #expect(book.lost(in: "eu") == ["w"] && book.lost(in: "us").isEmpty)
    }

    @Test func workersThatFailAreReported() async throws {
        let failing = try await ScriptedRuntime { _, _ in [.close] }
        let good = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        // The failing one is asked first as long as it is in rotation.
        let setup = GatewayFixture.Setup(edit: { $0.workers[1].weight = 1 })
        try await GatewayFixture.run([failing, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            #expect(gateway.server.fleetReport.out.isEmpty)
            for _ in 0..<60 where gateway.server.fleetReport.out.isEmpty {
                client.clear()
                try await client.post(Samples.request)
                _ = try await client.answer()
            }
            #expect(gateway.server.fleetReport.out == ["worker-0": "failures"])
        }
    }
}
