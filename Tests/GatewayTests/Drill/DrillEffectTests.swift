import FoundationEssentials
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("Drills at the gateway")
struct DrillEffectTests {
    private static var soon: Int64 { Int64(Date().timeIntervalSince1970) + 600 }

    /// A setup whose first worker comes first for everything.
    private static func setup(_ drill: DrillEffect?) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            if table.workers.count > 1 { table.workers[1].weight = 1 }
            table.workers[0].drill = drill
        }
        return setup
    }

    @Test("nothing reaches a worker that is cut off, and nobody notices", arguments: [Samples.request, Samples.stream])
    func cut(request: String) async throws {
        let answer = request == Samples.stream ? Samples.wholeStream : Answers.json(Samples.answer)
        let runtimes = [try await ScriptedRuntime { _, _ in [.send(answer)] }, try await ScriptedRuntime { _, _ in [.send(answer)] }]
        let records = try await GatewayFixture.run(runtimes, Self.setup(DrillEffect(effect: "cut", untilSeconds: Self.soon))) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<5 {
                client.clear()
                try await client.post(request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
        }
        #expect(records.count == 5 && records.allSatisfy { $0.outcome == "good" && $0.worker == "worker-1" })
        #expect(runtimes[0].seen.requests.isEmpty)
    }

    @Test("a drill that is over, or that this release does not know, has no effect")
    func over() async throws {
        for drill in [DrillEffect(effect: "cut", untilSeconds: Self.soon - 1_200), DrillEffect(effect: "flood", untilSeconds: Self.soon)] {
            let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
            let records = try await GatewayFixture.run([runtime], Self.setup(drill)) { gateway in
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            #expect(records.map(\.worker) == ["worker-0"])
        }
    }

    @Test("what runs at a worker when it is cut off goes elsewhere")
    func inFlight() async throws {
        let hanging = try await ScriptedRuntime { _, _ in [] }
        let good = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let setup = Self.setup(nil)
        let records = try await GatewayFixture.run([hanging, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            try await until { hanging.seen.requests.count == 1 }
            var table = GatewayFixture.table([hanging, good], setup)
            table.version = 2
            table.workers[0].drill = DrillEffect(effect: "cut", untilSeconds: Self.soon)
            gateway.server.apply(table)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
        }
        #expect(records.map(\.worker) == ["worker-1"] && records.map(\.attempts) == [2])
    }

    @Test("what a slow worker is asked reaches it late")
    func slow() async throws {
        let asked = Mutex<ContinuousClock.Instant?>(nil)
        let runtime = try await ScriptedRuntime { _, _ in
            asked.withLock { $0 = .now }
            return [.send(Answers.json(Samples.answer))]
        }
        let drill = DrillEffect(effect: "slow", delayMilliseconds: 300, untilSeconds: Self.soon)
        try await GatewayFixture.run([runtime], Self.setup(drill)) { gateway in
            let client = try await TestClient(port: gateway.port)
            let began = ContinuousClock.now
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            let reached = try #require(asked.withLock { $0 })
            #expect(reached - began >= .milliseconds(300))
        }
    }

    @Test("a client that leaves while its request is held back leaves nothing behind")
    func abandoned() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let drill = DrillEffect(effect: "slow", delayMilliseconds: 60_000, untilSeconds: Self.soon)
        let records = try await GatewayFixture.run([runtime], Self.setup(drill)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "1" }
            try await client.close()
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
        }
        #expect(records.count == 1 && runtime.seen.requests.isEmpty)
    }

    @Test("a gateway is alone until the drill's time is over, and no other one")
    func alone() {
        let solitude = Solitude()
        #expect(!solitude.isAlone)
        let gateways = [
            GatewayEntry(id: "a", region: "r", address: ""), GatewayEntry(id: "b", region: "r", address: "", aloneUntilSeconds: Self.soon),
        ]
        solitude.take(gateways, own: "b")
        #expect(solitude.isAlone)
        solitude.take(gateways, own: "a")
        #expect(!solitude.isAlone)
        solitude.take([GatewayEntry(id: "a", region: "r", address: "", aloneUntilSeconds: Self.soon - 1_200)], own: "a")
        #expect(!solitude.isAlone)
    }

    @Test("a drill that is aborted at the gateway stays over, whatever the table says of it, and the next one is another")
    func aborted() {
        let solitude = Solitude()
        #expect(!solitude.abort())
        let end = Self.soon
        let table = { (until: Int64) in [GatewayEntry(id: "a", region: "r", address: "", aloneUntilSeconds: until)] }
        solitude.take(table(end), own: "a")
        #expect(solitude.abort() && !solitude.isAlone)
        solitude.take(table(end), own: "a")
        #expect(!solitude.isAlone)
        solitude.take(table(end + 1), own: "a")
        #expect(solitude.isAlone)
    }
}
