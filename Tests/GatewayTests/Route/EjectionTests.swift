import Gateway
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@Suite("Ejection before real runtimes")
struct EjectionTests {
    @Test("when every worker fails, workers see at most a tenth more requests than came", arguments: [true, false])
    func outage(resets: Bool) async throws {
        let failure: [ScriptedRuntime.Step] = resets ? [.reset] : [.send(Answers.json("{}", status: "500 Oops"))]
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<3 { runtimes.append(try await ScriptedRuntime { _, _ in failure }) }
        let asked = 120
        try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<asked {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 50"))
            }
        }
        let seen = runtimes.map(\.seen.requests.count).reduce(0, +)
        #expect(seen <= asked * 11 / 10)
    }

    @Test("a worker that failed comes back by a request of the gateway's own, not by a customer's")
    func probe() async throws {
        let isWell = Atomic<Bool>(false)
        let flapping = try await ScriptedRuntime { _, request in
            guard isWell.load(ordering: .relaxed) || request.contains("Hello") else { return [.close] }
            return [.send(Answers.json(Samples.answer))]
        }
        let good = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.settings.ejectionTime = .milliseconds(200)
        // The failing one is asked first as long as it is in rotation.
        setup.edit = { $0.workers[1].weight = 1 }
        try await GatewayFixture.run([flapping, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            while flapping.seen.requests.count < 3 {
                client.clear()
                try await client.post(Samples.request)
                _ = try await client.answer()
            }
            isWell.store(true, ordering: .relaxed)
            try await until { flapping.seen.requests.contains { $0.contains("Hello") } }
            let probe = try #require(flapping.seen.requests.last)
            #expect(probe.contains(#""max_tokens":1,"#) && probe.contains(#""model":"m""#))
            try await until { gateway.metric(#"plimsoll_gateway_probes_total{result="answered"}"#) == "1" }
        }
    }

    @Test("a request is sent to its conversation's worker, and what a customer said of its session stays here")
    func session() async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }) }
        try await GatewayFixture.run(runtimes) { gateway in
            for turn in 0..<12 {
                let client = try await TestClient(port: gateway.port)
                let messages = #"[{"role":"user","content":"turn \#(turn)"}]"#
                try await client.post(#"{"model":"m","prompt_cache_key":"session-7","messages":\#(messages)}"#)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
                try await client.close()
            }
        }
        let counts = runtimes.map(\.seen.requests.count).filter { $0 > 0 }
        #expect(counts == [12])
        #expect(runtimes.allSatisfy { runtime in !runtime.seen.requests.contains { $0.contains("session-7") } })
    }
}
