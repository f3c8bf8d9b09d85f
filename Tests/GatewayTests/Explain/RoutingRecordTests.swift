import Domain
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Of every admitted request the spool tells how it was routed.
@Suite("Routing in the record")
struct RoutingRecordTests {
    @Test("a request that was tried twice tells both choices and attempts, why, and how they ended, and nothing of its content")
    func attempts() async throws {
        let failing = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}", status: "500 Oops"))] }
        let good = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream)] }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.workers[1].weight = 1
            table.workers[1].hourPriceMicroUsd = 4_000_000
        }
        let records = try await GatewayFixture.run([failing, good], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            _ = try await client.answer()
            #expect(await gateway.server.takeRefusals().isEmpty)
        }
        let told = try #require(records.first?.account)
        #expect(records.count == 1 && told.attempts.map(\.worker) == ["worker-0", "worker-1"] && told.attempts.map(\.host) == ["host-0", "host-1"])
        #expect(told.attempts.map(\.reason) == ["first", "retry"] && told.attempts.map(\.result) == ["failed", "answered"])
        #expect(told.attempts[0].firstTokenAfter == nil && told.attempts[1].firstTokenAfter != nil && told.fault == nil)
        #expect(
            told.workers == 2 && told.candidates.count == 2 && told.candidates.contains { $0.worker == "worker-1" && $0.priceMicroUsd == 1_000_000 })
        let second = try #require(told.attempts[1].choice)
        #expect(told.attempts[0].choice == nil && second.candidates.map(\.worker) == ["worker-1"] && second.passedOver == ["tried": 1])
        #expect(!String(decoding: try WireCoder.encode(told), as: UTF8.self).contains("hi"))
    }

    @Test("of thousands of requests every one has its candidates, costs and attempts", .timeLimit(.minutes(3)))
    func everyOne() async throws {
        let runtimes = try await Self.runtimes(3)
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 1_000_000
        setup.tier.tokensPerMinute = 1_000_000_000
        setup.edit = { for index in $0.workers.indices { $0.workers[index].slots = 64 } }
        let (clients, rounds) = (4, 500)
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<clients { group.addTask { try await Self.ask(gateway.port, rounds) } }
                try await group.waitForAll()
            }
        }
        #expect(records.count == clients * rounds)
        let accounts = records.compactMap(\.account)
        #expect(accounts.count == records.count && accounts.allSatisfy { $0.workers == 3 && !$0.candidates.isEmpty && $0.attempts.count == 1 })
        #expect(zip(records, accounts).allSatisfy { $0.worker == $1.attempts[0].worker && $1.attempts[0].result == "answered" })
        #expect(accounts.allSatisfy { account in account.candidates.allSatisfy { $0.cost > 0 && $0.host != nil } })
    }

    @Test("a request that waited tells what it waited for, and that the queue placed it")
    func queued() async throws {
        let moment = ScriptedMoment()
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [moment.step, .send(Answers.json(Samples.answer))] : [.send(Answers.json(Samples.answer))]
        }
        var setup = GatewayFixture.Setup()
        setup.tier.queue = TierQueue(priority: 20, isProtected: true, waitMicroseconds: 60_000_000)
        setup.edit = { $0.workers[0].slots = 1 }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let (first, second) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await first.post(Samples.request)
            try await until { runtime.seen.requests.count == 1 }
            try await second.post(Samples.request)
            try await until { gateway.metric("plimsoll_gateway_queued_requests") == "1" }
            moment.come()
            for client in [first, second] { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
        let waited = try #require(records.first { $0.queuedFor > 0 }?.account)
        #expect(waited.candidates.map(\.worker) == ["worker-0"] && waited.attempts.map(\.worker) == ["worker-0"] && waited.workers == 1)
    }

    @Test("a gateway alone finds a request in its segments")
    func alone() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.loops = 2
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            let answer = try await client.answer()
            let id = try #require(answer.split(separator: "\r\n").first { $0.hasPrefix("x-request-id: ") }?.dropFirst(14))
            // It stands in the tail until the next sync.
            var told: String?
            try await until {
                told = gateway.server.explained(String(id))
                return told != nil
            }
            let text = try #require(told)
            #expect(text.contains(#""outcome":"good""#) && text.contains(#""candidates":[{"#) && text.contains(#""worker":"worker-0""#))
            #expect(!text.contains("hello") && gateway.server.explained("nonsense") == nil)
            #expect(gateway.server.explained("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b") == nil)
        }
    }

    private static func runtimes(_ count: Int) async throws -> [ScriptedRuntime] {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<count { runtimes.append(try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }) }
        return runtimes
    }

    private static func ask(_ port: Int, _ times: Int) async throws {
        let client = try await TestClient(port: port)
        for _ in 0..<times {
            client.clear()
            try await client.post(Samples.request)
            guard try await client.answer().hasPrefix("HTTP/1.1 200 ") else { throw MeterError(.refused, "not answered") }
        }
        try await client.close()
    }
}
