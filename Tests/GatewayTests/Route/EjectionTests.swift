import Cryptography
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

    /// Its stream has had a token, and then stands still for far longer than tokens take; nobody is told of an error.
    @Test("a worker that takes requests and makes no progress is put out of rotation, though it fails nothing")
    func standstill() async throws {
        let goesOn = ScriptedMoment()
        defer { goesOn.come() }
        let script: ScriptedRuntime.Script = { _, request in
            guard request.contains(#""stream":true"#) else { return [.send(Answers.json(Samples.answer))] }
            return [
                .send(Answers.streamHead + Samples.role + Samples.token("a")), goesOn.step,
                .send(Samples.token("b") + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd),
            ]
        }
        let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
        var setup = GatewayFixture.Setup()
        // Neither is the stream given up nor the worker asked again while the test lasts.
        (setup.settings.interTokenTime, setup.settings.ejectionTime) = (300, .seconds(300))
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let (standing, client) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await standing.post(Samples.stream)
            try await standing.receive { $0.contains(#""content":"a""#) }
            try await until { gateway.metric(#"plimsoll_gateway_workers_out{reason="stalled"}"#) == "1" }
            // Turns of the same conversation, whose beginning the worker that stands has in its cache.
            for _ in 0..<20 {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            #expect(runtimes.map(\.seen.requests.count).sorted() == [1, 20])
            goesOn.come()
            let answer = try await standing.answer()
            #expect(answer.contains("[DONE]") && !answer.contains("error"))
        }
        #expect(records.count == 21 && records.allSatisfy { $0.outcome == "good" && $0.attempts == 1 })
    }

    /// The gateway's own region has one worker, another one three.
    private func regions(_ own: [ScriptedRuntime.Step], _ others: [ScriptedRuntime.Step]) async throws -> ([ScriptedRuntime], GatewayFixture.Setup) {
        var runtimes = [try await ScriptedRuntime { _, _ in own }]
        for _ in 0..<3 { runtimes.append(try await ScriptedRuntime { _, _ in others }) }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            for place in 1...3 { table.workers[place].region = "elsewhere" }
            table.tenants["bound"] = TenantEntry(id: "bound", tier: "pro", active: true, allowedRegions: ["default"], cacheSalt: "5a18")
            let hash = Hash.sha256("sk-bound").hex
            table.keys[hash] = KeyEntry(id: "k-bound", tenant: "bound", sha256Hex: hash, expiresAtSeconds: nil, models: nil)
        }
        return (runtimes, setup)
    }

    private static func asked(_ runtime: ScriptedRuntime) -> Int { runtime.seen.requests.count { !$0.contains("Hello") } }

    @Test("where all of a region fail others serve, but for tenants who may go nowhere else")
    func failover() async throws {
        let (runtimes, setup) = try await regions([.send("garbage\r\n\r\n")], [.send(Answers.json(Samples.answer))])
        try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for number in 0..<40 {
                client.clear()
                // Of a conversation of its own, that none is asked because it has it cached.
                try await client.post(Samples.request.replacing(#""hi""#, with: "\"\(number * 7919)\""))
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"), "\(number)")
            }
            #expect(Self.asked(runtimes[0]) == 3)
            for number in 1...3 {
                client.clear()
                try await client.post(Samples.request, key: "sk-bound")
                #expect(try await client.answer().hasPrefix("HTTP/1.1 502"))
                #expect(Self.asked(runtimes[0]) == 3 + number)
            }
        }
    }

    @Test("where all regions fail, workers see at most a tenth more than came")
    func outageOfRegions() async throws {
        let (runtimes, setup) = try await regions([.send("garbage\r\n\r\n")], [.reset])
        let asked = 120
        try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<asked {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 50"))
            }
        }
        let seen = runtimes.map(Self.asked).reduce(0, +)
        #expect(seen <= asked * 11 / 10, "\(seen)")
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
