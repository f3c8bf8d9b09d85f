import NIOCore
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Requests without a host")
struct LostHostTests {
    private static let answer = [
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", "data: [DONE]\n\n",
    ]

    /// The table has another model, which nobody ever served.
    private static let unserved = "plimsoll_gateway_models_without_workers"

    /// Runs `body` before a gateway whose only worker is on a linked host, after a first request was answered there.
    private func serving(returnTime: Int, _ body: (GatewayFixture, WorkerLoad) async throws -> Void) async throws -> [UsageRecord] {
        let linked = try LinkedHost(stream: (Self.answer, ends: true))
        var setup = GatewayFixture.Setup()
        setup.registry = linked.links.registry
        setup.settings.hostReturnTime = returnTime
        setup.tier.queue = TierQueue(waitMicroseconds: 30_000_000)
        var entry = linked.entry("worker-1")
        entry.release = "r"
        setup.edit = { [entry] in $0.workers = [entry] }
        let load = linked.links.registry.load(worker: "worker-1")
        var records: [UsageRecord] = []
        try await linked.running {
            try await until { load.isReady }
            records = try await GatewayFixture.run([], setup) { gateway in
                #expect(try await ask(gateway).answer().hasPrefix("HTTP/1.1 200 "))
                // The last report of a link may still be under way.
                try await until {
                    load.lost()
                    return gateway.metric(Self.unserved) == "2"
                }
                try await body(gateway, load)
            }
        }
        return records
    }

    private func ask(_ gateway: GatewayFixture) async throws -> TestClient {
        let client = try await TestClient(port: gateway.port)
        try await client.post(Samples.stream)
        return client
    }

    @Test("a request waits for a host that was lost a moment ago, and is begun when it is back")
    func comesBack() async throws {
        let records = try await serving(returnTime: 30) { gateway, load in
            let client = try await ask(gateway)
            try await until { gateway.metric("plimsoll_gateway_queued_requests") == "1" }
            load.take(LinkReport.Worker(id: "worker-1", ready: true, load: RuntimeLoad()), of: .serving, at: .now())
            #expect(try await client.answer().contains("[DONE]"))
            try await until { gateway.metric(Self.unserved) == "1" }
        }
        #expect(records.map(\.outcome) == ["good", "good"])
        #expect(records.filter { $0.queuedFor > 0 }.count == 1)
    }

    @Test("a request that its worker failed waits for another one whose host was lost a moment ago")
    func comesBackForAnother() async throws {
        let linked = try LinkedHost(stream: (Self.answer, ends: true))
        let failing = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}", status: "500 Oops"))] }
        var setup = GatewayFixture.Setup()
        setup.registry = linked.links.registry
        setup.settings.hostReturnTime = 30
        setup.tier.queue = TierQueue(waitMicroseconds: 30_000_000)
        var entry = linked.entry("worker-1")
        entry.release = "r"
        setup.edit = { [entry] in $0.workers.append(entry) }
        let load = linked.links.registry.load(worker: "worker-1")
        try await linked.running {
            try await until { load.isReady }
            let records = try await GatewayFixture.run([failing], setup) { gateway in
                let client = try await TestClient(port: gateway.port)
                // The last report of a link may still be under way.
                let began = ContinuousClock.now
                try await until {
                    load.lost()
                    return ContinuousClock.now - began > .seconds(1)
                }
                try await client.post(Samples.stream)
                try await until { gateway.metric("plimsoll_gateway_queued_requests") == "1" }
                load.take(LinkReport.Worker(id: "worker-1", ready: true, load: RuntimeLoad()), of: .serving, at: .now())
                #expect(try await client.answer().contains("[DONE]"))
            }
            #expect(records.map(\.outcome) == ["good"] && records.map(\.attempts) == [2])
        }
    }

    @Test("when it does not come back requests are refused, and later ones at once")
    func staysAway() async throws {
        let records = try await serving(returnTime: 3) { gateway, _ in
            try await until { gateway.metric(Self.unserved) == "2" }
            let waited = try await ask(gateway).answer()
            #expect(waited.hasPrefix("HTTP/1.1 503 ") && waited.contains("no_worker_available") && waited.contains("\r\nretry-after: "))
            let refused = try await ask(gateway).answer()
            #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("\r\nretry-after: 1\r\n"))
            var waits: Set<Substring?> = []
            for _ in 0..<8 {
                let answer = try await ask(gateway).answer()
                waits.insert(answer.split(separator: "\r\n").first { $0.hasPrefix("retry-after-ms: ") })
            }
            #expect(waits.count > 1, "who is refused together does not come back together")
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_queue_refused_total{reason="unreachable"} 1"#))
        }
        #expect(records.map(\.outcome).sorted() == ["bad:5xx", "good"])
    }

    /// Second tries are few until it is known that others are answered. The others wait for that no longer than a host takes to come back.
    @Test("when all hosts are lost with more under way than is tried again at once, nobody is left to wait")
    func lostWithAll() async throws {
        let names = ["worker-1", "worker-2", "worker-3"]
        let linked = try LinkedHost(workers: names, stream: ([], ends: false))
        var setup = GatewayFixture.Setup()
        setup.registry = linked.links.registry
        setup.settings.hostReturnTime = 1
        setup.settings.firstTokenTime = 600
        // As many at each as do not show yet that it fails.
        let workers = names.map {
            var entry = linked.entry($0)
            (entry.release, entry.slots) = ("r", 2)
            return entry
        }
        setup.edit = { $0.workers = workers }
        let loads = names.map { linked.links.registry.load(worker: $0) }
        let underWay = 2 * names.count
        let records = try await GatewayFixture.run([], setup) { gateway in
            var clients: [TestClient] = []
            try await linked.running {
                try await until { loads.allSatisfy(\.isReady) }
                for _ in 0..<underWay { clients.append(try await ask(gateway)) }
                try await until { linked.windows.all.count == underWay }
            }
            for client in clients {
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 50"), "\(answer)")
            }
        }
        #expect(records.map(\.outcome) == Array(repeating: "bad:5xx", count: underWay))
    }
}
