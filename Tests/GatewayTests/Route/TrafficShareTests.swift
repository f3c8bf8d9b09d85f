import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// What runtimes on real sockets see of shares that a table gives.
@Suite("Shares of traffic") struct TrafficShareTests {
    private func setup(_ edit: @escaping @Sendable (inout TableContents) -> Void) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        (setup.tier.requestsPerMinute, setup.tier.concurrentRequests) = (100_000, 1000)
        setup.edit = { table in
            for index in table.workers.indices { table.workers[index].slots = 200 }
            edit(&table)
        }
        return setup
    }

    /// Ten customers at once, each with prompts of its own.
    private func ask(_ gateway: GatewayFixture, times: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for customer in 0..<10 {
                group.addTask {
                    let client = try await TestClient(port: gateway.port)
                    for turn in 0..<times / 10 {
                        client.clear()
                        try await client.post(#"{"model":"m","messages":[{"role":"user","content":"\#(customer) asks \#(turn * 7919)"}]}"#)
                        #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Of 500 requests 50, with a standard deviation of 6.7; four of them on both sides. It is idle and cheap, and gets no more for that.
    @Test("a canary of ten per cent gets ten per cent, however tempting its worker is")
    func canary() async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }) }
        let setup = setup { table in
            table.models["m"]?.releaseWeights = ["r": 900_000, "canary": 100_000]
            for index in table.workers.indices { table.workers[index].hourPriceMicroUsd = 4_000_000 }
            table.workers[3].release = "canary"
            table.workers[3].hourPriceMicroUsd = 100_000
        }
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in try await ask(gateway, times: 500) }
        #expect(records.count == 500 && records.allSatisfy { $0.outcome == "good" })
        #expect((23...77).contains(runtimes[3].seen.requests.count), "\(runtimes.map(\.seen.requests.count))")
    }

    /// By load alone all of the second wave would go to the worker that has nothing to do.
    @Test("a worker that joins busy ones gets the share that it begins with, not all that comes")
    func joins() async throws {
        let moment = ScriptedMoment()
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<2 { runtimes.append(try await ScriptedRuntime { _, _ in [moment.step, .send(Answers.json(Samples.answer))] }) }
        let all = GatewayFixture.table(runtimes, setup { _ in })
        try await GatewayFixture.run(runtimes, setup { $0.workers.removeLast() }) { gateway in
            var clients: [TestClient] = []
            func wave(_ count: Int) async throws {
                for _ in 0..<count {
                    let client = try await TestClient(port: gateway.port)
                    try await client.post(#"{"model":"m","messages":[{"role":"user","content":"wave \#(clients.count * 7919)"}]}"#)
                    clients.append(client)
                    try await until { runtimes.reduce(0) { $0 + $1.seen.requests.count } == clients.count }
                }
            }
            try await wave(40)
            #expect(runtimes[0].seen.requests.count == 40)
            gateway.server.apply(all)
            try await wave(20)
            #expect((1...10).contains(runtimes[1].seen.requests.count), "\(runtimes.map(\.seen.requests.count))")
            moment.come()
            for client in clients { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
    }
}
