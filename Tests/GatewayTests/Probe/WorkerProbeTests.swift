import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Probes of real runtimes: each is due whenever the gateway looks, once a second.
@Suite("Probes of workers")
struct WorkerProbeTests {
    private func setup(_ desk: ProbeDesk, answer: String? = nil) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.probes = desk
        setup.edit = { table in
            table.gateways = [GatewayEntry(id: "g", region: "default", address: "")]
            table.models["m"]?.probePrompt = "Say \"ready\"."
            table.models["m"]?.probeAnswer = answer
        }
        return setup
    }

    private static let right =
        Answers.streamHead + Samples.role + Samples.token("rea") + Samples.token("dy") + Samples.stop + Samples.done + Answers.streamEnd

    private var desk: ProbeDesk { ProbeDesk(region: "default", gateway: "g", interval: 0...0) }

    private func results(_ desk: ProbeDesk, _ count: Int) async throws -> [ProbeResult] {
        var found: [ProbeResult] = []
        try await until {
            found += desk.take(100)
            return found.count >= count
        }
        return found
    }

    @Test("a probe is a stream of the known prompt, and is billed to nobody")
    func good() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream), .close] }
        let desk = desk
        let records = try await GatewayFixture.run([runtime], setup(desk)) { _ in
            let all = try await results(desk, 1)
            let found = try #require(all.first)
            #expect(found.succeeded && found.status == 200 && found.provider == "provider-0" && found.worker == "worker-0" && found.model == "m")
            #expect(found.promptTokens == 9 && found.completionTokens == 2)
            let first = try #require(found.firstTokenAfter)
            let last = try #require(found.lastTokenAfter)
            #expect(first > 0 && first <= last)
            // A worker that was slow for a moment is asked for anything besides.
            let requests = runtime.seen.requests
            let asked = try #require(requests.first { $0.contains("Say") }, "\(requests)")
            #expect(
                asked.contains(#""content":"Say \"ready\".""#) && asked.contains(#""stream":true"#) && asked.contains(#""temperature":0"#), "\(asked)"
            )
        }
        #expect(records.isEmpty)
    }

    @Test("a runtime that fails its probes is put out and customers go elsewhere, until a probe succeeds", arguments: ["500", "broken", "wrong"])
    func failing(how: String) async throws {
        let isWell = Atomic<Bool>(false)
        let bad = try await ScriptedRuntime { _, request in
            if isWell.load(ordering: .relaxed) { return [.send(Self.right), .close] }
            return switch how {
            case "500": [.send(Answers.json("{}", status: "500 Oops"))]
            case "broken": [.send(Answers.streamHead + Samples.token("ready")), .close]
            default: [.send(Samples.wholeStream), .close]
            }
        }
        let good = try await ScriptedRuntime { _, request in
            request.contains("hi")
                ? [.send(Answers.json(Samples.answer))] : [.send(Self.right), .close]
        }
        let desk = desk
        try await GatewayFixture.run([bad, good], setup(desk, answer: "Ready")) { gateway in
            try await until { gateway.metric(#"plimsoll_gateway_workers_out{reason="probes"}"#) == "1" }
            let faults = Set(desk.take(100).filter { $0.worker == "worker-0" }.map(\.fault))
            #expect(faults == [how == "wrong" ? "answer" : "runtime"])
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<10 {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            #expect(!bad.seen.requests.contains { $0.contains("\"hi\"") })
            isWell.store(true, ordering: .relaxed)
            try await until { gateway.metric(#"plimsoll_gateway_workers_out{reason="probes"}"#) == "0" }
        }
    }

    @Test("a runtime without chat is asked for a completion")
    func completions() async throws {
        let text = Answers.streamHead + Answers.event(#"{"model":"m","choices":[{"index":0,"text":"ready","finish_reason":"stop"}]}"#) + Samples.done
        let runtime = try await ScriptedRuntime { _, request in
            request.contains("/v1/completions") ? [.send(text + Answers.streamEnd), .close] : [.send(Answers.json("{}", status: "404 Not Found"))]
        }
        let desk = desk
        try await GatewayFixture.run([runtime], setup(desk)) { _ in
            let all = try await results(desk, 1)
            let found = try #require(all.first)
            #expect(found.succeeded && found.completionTokens == 1)
        }
    }

    @Test("over a link the way to the host is timed apart, and a host without a link is at fault itself")
    func linked() async throws {
        let tokens = [Self.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"ready"},"finish_reason":"stop"}]}"#), "data: [DONE]\n\n"]
        let linked = try LinkedHost(stream: (tokens, ends: true))
        var setup = setup(desk)
        let desk = try #require(setup.probes)
        setup.registry = linked.links.registry
        var entry = linked.entry("worker-1")
        entry.region = "default"
        setup.edit = { [entry] in
            $0.workers = [entry]
            $0.gateways = [GatewayEntry(id: "g", region: "default", address: "")]
        }
        try await GatewayFixture.run([], setup) { _ in
            try await linked.running {
                var found: [ProbeResult] = []
                try await until {
                    found += desk.take(100)
                    return found.contains(where: \.succeeded)
                }
                let succeeded = found.filter(\.succeeded)
                let good = try #require(succeeded.first)
                #expect(good.status == 200 && (good.linkRoundTrip ?? 0) > 0)
            }
            _ = desk.take(1_000)
            let found = try await results(desk, 1)
            #expect(found.contains { $0.fault == "host" || $0.fault == "link" })
        }
    }

    private static func event(_ text: String) -> String { "data: \(text)\n\n" }
}
