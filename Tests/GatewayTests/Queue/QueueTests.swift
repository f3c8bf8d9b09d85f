import Cryptography
import NIOCore
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// A gateway before one runtime with one slot, which answers when the test says so.
@Suite("Queue") struct QueueTests {
    /// Answers the n-th request when the n-th gate is open.
    private struct Gates {
        let promises: [EventLoopPromise<Void>]
        let runtime: ScriptedRuntime

        init(_ count: Int) async throws {
            let promises = (0..<count).map { _ in ScriptedRuntime.promise() }
            self.promises = promises
            runtime = try await ScriptedRuntime { number, _ in
                guard number < promises.count else { return [.send(Answers.json(Samples.answer))] }
                return [.after(promises[number].futureResult), .send(Answers.json(Samples.answer))]
            }
        }

        func open(_ number: Int) { promises[number].succeed() }

        func order() -> [String] {
            runtime.seen.requests.compactMap { request in ["first", "second", "third", "fourth"].first { request.contains("\"\($0)\"") } }
        }
    }

    private func setup(wait: Int64? = 60_000_000, _ edit: @escaping @Sendable (inout TableContents) -> Void = { _ in }) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.queue = TierQueue(priority: 20, isProtected: true, waitMicroseconds: wait)
        setup.edit = { table in
            for index in table.workers.indices { table.workers[index].slots = 1 }
            var hobby = table.tiers["pro"]
            hobby?.name = "hobby"
            hobby?.queue?.priority = 10
            table.tiers["hobby"] = hobby
            table.tenants["tenant-h"] = TenantEntry(id: "tenant-h", tier: "hobby", active: true, allowedRegions: [], cacheSalt: "5a18")
            let hash = Hash.sha256("sk-hobby").hex
            table.keys[hash] = KeyEntry(id: "key-h", tenant: "tenant-h", sha256Hex: hash)
            edit(&table)
        }
        return setup
    }

    private func ask(_ gateway: GatewayFixture, _ text: String, key: String = "sk-test", more: String = "") async throws -> TestClient {
        let client = try await TestClient(port: gateway.port)
        try await client.post(#"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]\#(more)}"#, key: key)
        return client
    }

    private func untilQueued(_ gateway: GatewayFixture, _ count: Int) async throws {
        try await until { gateway.metric("plimsoll_gateway_queued_requests") == "\(count)" }
    }

    @Test("a request waits for a slot, and its record says how long")
    func waits() async throws {
        let gates = try await Gates(1)
        let records = try await GatewayFixture.run([gates.runtime], setup()) { gateway in
            let first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            let second = try await ask(gateway, "second")
            try await untilQueued(gateway, 1)
            #expect(gates.runtime.seen.requests.count == 1)
            gates.open(0)
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await second.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(gateway.metric("plimsoll_gateway_queued_requests") == "0")
        }
        #expect(records.map { $0.queuedFor > 0 }.filter { $0 }.count == 1)
        #expect(records.allSatisfy { $0.outcome == "good" })
    }

    @Test("who is not begun by its deadline is refused, with a time to come again, and nothing is billed")
    func expires() async throws {
        let gates = try await Gates(1)
        let records = try await GatewayFixture.run([gates.runtime], setup(wait: 50_000)) { gateway in
            let first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            let answer = try await ask(gateway, "second").answer()
            #expect(answer.hasPrefix("HTTP/1.1 429 "))
            #expect(answer.contains(#""code":"over_capacity""#) && answer.contains("\r\nretry-after: 1\r\n"))
            #expect(answer.contains("\r\nretry-after-ms: "))
            gates.open(0)
            _ = try await first.answer()
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_queue_refused_total{reason="expired"} 1"#))
        }
        let refused = try #require(records.first { $0.status == 429 })
        #expect(refused.outcome == "bad:shed" && refused.errorCode == "over_capacity" && refused.billablePromptTokens == 0)
        #expect(refused.queuedFor >= 50_000)
    }

    /// The one with more time has come first: it is not the order that decides.
    @Test("without a wait of its own a tier's requests wait for as long as its first token may take, each tier's for its own")
    func objectives() async throws {
        let gates = try await Gates(1)
        var setup = setup(wait: nil) { $0.tiers["hobby"]?.ttftObjectiveMicroseconds = 5_000_000 }
        setup.tier.ttftObjectiveMicroseconds = 500_000
        let records = try await GatewayFixture.run([gates.runtime], setup) { gateway in
            let first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            let patient = try await ask(gateway, "third", key: "sk-hobby")
            try await untilQueued(gateway, 1)
            let urgent = try await ask(gateway, "second")
            for client in [urgent, patient] { #expect(try await client.answer().contains(#""code":"over_capacity""#)) }
            gates.open(0)
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_queue_refused_total{reason="expired"} 2"#))
        }
        #expect(gates.order() == ["first"])
        let waited = Dictionary(grouping: records.filter { $0.outcome == "bad:shed" }, by: \.tier).mapValues { $0.map(\.queuedFor) }
        // A little of the time is gone before they wait; and a busy machine looks late.
        #expect(waited["pro"]?.count == 1 && (400_000..<4_000_000).contains(waited["pro"]?.first ?? 0), "\(waited)")
        #expect(waited["hobby"]?.count == 1 && (4_500_000..<30_000_000).contains(waited["hobby"]?.first ?? 0), "\(waited)")
    }

    @Test("a client that leaves leaves the queue")
    func clientGone() async throws {
        let gates = try await Gates(1)
        let records = try await GatewayFixture.run([gates.runtime], setup()) { gateway in
            let first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            let second = try await ask(gateway, "second")
            try await untilQueued(gateway, 1)
            try await second.close()
            try await untilQueued(gateway, 0)
            gates.open(0)
            _ = try await first.answer()
        }
        #expect(gates.runtime.seen.requests.count == 1)
        #expect(records.map(\.outcome).sorted() == ["excluded:client_abort", "good"])
    }

    @Test("greater tiers go first, and batch behind everybody")
    func precedence() async throws {
        let gates = try await Gates(1)
        let priced = setup { table in
            table.prices = [("interactive", 7, 100), ("batch", 8, 50)].map { kind, version, price in
                PriceEntry(
                    version: version, model: "m", tier: "pro", serviceClass: kind, effectiveFromSeconds: 0, promptPicoUsd: price,
                    cachedPromptPicoUsd: price, completionPicoUsd: price)
            }
        }
        let records = try await GatewayFixture.run([gates.runtime], priced) { gateway in
            var clients = [try await ask(gateway, "first")]
            try await until { gates.runtime.seen.requests.count == 1 }
            for (number, request) in [("fourth", ("sk-test", #","service_tier":"flex""#)), ("third", ("sk-hobby", "")), ("second", ("sk-test", ""))]
                .enumerated()
            {
                clients.append(try await ask(gateway, request.0, key: request.1.0, more: request.1.1))
                try await untilQueued(gateway, number + 1)
            }
            gates.open(0)
            for client in clients { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_batch_answers_total{result="delivered"} 1"#))
        }
        #expect(gates.order() == ["first", "second", "third", "fourth"])
        #expect(!gates.runtime.seen.requests.contains { $0.contains("service_tier") })
        #expect(records.compactMap(\.batchDeadline) == [900_000_000])
        let pro = records.filter { $0.tier == "pro" }
        #expect(pro.map { $0.batchDeadline == nil ? 7 : 8 } == pro.map(\.priceVersion), "batch is billed by its own price: \(pro)")
        #expect(pro.count == 3)
    }

    @Test("a batch answer that comes after its deadline is counted as late")
    func lateBatch() async throws {
        let gates = try await Gates(0)
        var setup = setup()
        setup.tier.queue?.batchDeadlineSeconds = 0
        try await GatewayFixture.run([gates.runtime], setup) { gateway in
            #expect(try await ask(gateway, "first", more: #","service_tier":"batch""#).answer().hasPrefix("HTTP/1.1 200 "))
            try await until { gateway.metrics.prometheusText().contains(#"plimsoll_gateway_batch_answers_total{result="late"} 1"#) }
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_batch_answers_total{result="delivered"} 0"#))
        }
    }

    /// The only slot is a free stream's. The paid request would wait for its end, which is not in sight.
    @Test("a running answer of a shared tier makes way before a paid deadline is missed, is told so in its stream, and pays nothing")
    func makesWay() async throws {
        let never = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, request in
            guard request.contains(#""stream":true"#) else { return [.send(Answers.json(Samples.answer))] }
            return [.send(Answers.streamHead + Samples.role + Samples.token("a")), .after(never.futureResult), .close]
        }
        let setup = setup(wait: 8_000_000) { table in
            table.tiers["hobby"]?.queue?.isProtected = false
            table.tiers["hobby"]?.queue?.waitMicroseconds = 60_000_000
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let free = try await ask(gateway, "first", key: "sk-hobby", more: #","stream":true"#)
            try await free.receive { $0.contains(#""content":"a""#) }
            let other = try await ask(gateway, "third", key: "sk-hobby")
            try await untilQueued(gateway, 1)
            let paid = try await ask(gateway, "second")
            let cut = try await free.receive(within: .seconds(30)) { $0.hasSuffix("0\r\n\r\n") }
            #expect(cut.contains(#""code":"over_capacity""#) && !cut.contains("[DONE]"))
            #expect(try await paid.answer().hasPrefix("HTTP/1.1 200 "))
            // One made way for one: the other free request has its turn again.
            #expect(try await other.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(gateway.metric("plimsoll_gateway_yields_total") == "1")
        }
        never.succeed()
        let outcomes = Dictionary(grouping: records, by: \.outcome).mapValues(\.count)
        #expect(outcomes == ["good": 2, "bad:shed": 1])
        #expect(records.filter { $0.outcome != "good" }.allSatisfy { $0.billablePromptTokens + $0.billableCompletionTokens == 0 })
    }

    @Test("no paid answer makes way for another, and no free one for a free one")
    func keepsPlace() async throws {
        for (holder, comer) in [("sk-test", "sk-test"), ("sk-hobby", "sk-hobby")] {
            let gates = try await Gates(1)
            let setup = setup(wait: 1_000_000) { table in
                table.tiers["hobby"]?.queue?.isProtected = false
            }
            try await GatewayFixture.run([gates.runtime], setup) { gateway in
                let first = try await ask(gateway, "first", key: holder)
                try await until { gates.runtime.seen.requests.count == 1 }
                #expect(try await ask(gateway, "second", key: comer).answer().contains(#""code":"over_capacity""#))
                gates.open(0)
                #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
                #expect(gateway.metric("plimsoll_gateway_yields_total") == "0")
            }
        }
    }

    @Test("a service tier that nobody knows is refused")
    func serviceTier() async throws {
        let gates = try await Gates(0)
        try await GatewayFixture.run([gates.runtime], setup()) { gateway in
            let answer = try await ask(gateway, "first", more: #","service_tier":"soon""#).answer()
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""param":"service_tier""#))
            #expect(try await ask(gateway, "second", more: #","service_tier":"auto""#).answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("no prompt above the free KV cache is begun, however many slots are free")
    func cache() async throws {
        let gates = try await Gates(1)
        let tight = setup { table in (table.workers[0].slots, table.workers[0].kvTokens) = (8, 150) }
        try await GatewayFixture.run([gates.runtime], tight) { gateway in
            let first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            let second = try await ask(gateway, "second")
            try await untilQueued(gateway, 1)
            gates.open(0)
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await second.answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("one tenant holds no more of a worker than its share, and another finds room")
    func tenantShare() async throws {
        let gates = try await Gates(2)
        let shared = setup { table in
            table.workers[0].slots = 2
            table.tiers["hobby"]?.queue?.tenantSharePercent = 50
        }
        try await GatewayFixture.run([gates.runtime], shared) { gateway in
            let first = try await ask(gateway, "first", key: "sk-hobby")
            try await until { gates.runtime.seen.requests.count == 1 }
            let third = try await ask(gateway, "third", key: "sk-hobby")
            try await untilQueued(gateway, 1)
            let second = try await ask(gateway, "second")
            try await until { gates.runtime.seen.requests.count == 2 }
            gates.open(0)
            gates.open(1)
            for client in [first, second, third] { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
        #expect(gates.order() == ["first", "second", "third"])
    }

    /// Four slots, and a neighbour of its tier that has asked before.
    @Test("a tenant that asks for everything leaves a place free for its neighbours, and lesser tiers do not get it; alone it has all")
    func headroom() async throws {
        let gates = try await Gates(6)
        let neighbours = setup { table in
            table.workers[0].slots = 4
            table.tenants["tenant-2"] = TenantEntry(id: "tenant-2", tier: "pro", active: true, allowedRegions: [], cacheSalt: "5a19")
            let hash = Hash.sha256("sk-neighbour").hex
            table.keys[hash] = KeyEntry(id: "key-2", tenant: "tenant-2", sha256Hex: hash)
        }
        func begun(_ count: Int) async throws { try await until { gates.runtime.seen.requests.count == count } }
        try await GatewayFixture.run([gates.runtime], neighbours) { gateway in
            var clients: [TestClient] = []
            for count in 1...4 {
                clients.append(try await ask(gateway, "first"))
                try await begun(count)
            }
            clients.append(try await ask(gateway, "second", key: "sk-neighbour"))
            try await untilQueued(gateway, 1)
            gates.open(0)
            try await begun(5)
            // The neighbour has one, so the tenant that has three gets no fourth when it is free.
            for count in 1...2 {
                clients.append(try await ask(gateway, "third"))
                try await untilQueued(gateway, count)
            }
            gates.open(4)
            #expect(try await clients[4].answer().hasPrefix("HTTP/1.1 200 "))
            clients.append(try await ask(gateway, "fourth", key: "sk-hobby"))
            try await untilQueued(gateway, 3)
            clients.append(try await ask(gateway, "second", key: "sk-neighbour"))
            try await begun(6)
            #expect(gates.order() == ["first", "first", "first", "first", "second", "second"])
            try await untilQueued(gateway, 3)
            for gate in [1, 2, 3, 5] { gates.open(gate) }
            for index in clients.indices where index != 4 { #expect(try await clients[index].answer().hasPrefix("HTTP/1.1 200 ")) }
        }
        #expect(gates.order().suffix(3).sorted() == ["fourth", "third", "third"])
    }

    @Test("slots that are kept for a greater tier's bursts stay free of lesser ones")
    func burst() async throws {
        let gates = try await Gates(2)
        let kept = setup { table in
            table.workers[0].slots = 2
            table.tiers["pro"]?.queue?.burstPercent = 50
        }
        try await GatewayFixture.run([gates.runtime], kept) { gateway in
            let first = try await ask(gateway, "first", key: "sk-hobby")
            try await until { gates.runtime.seen.requests.count == 1 }
            let third = try await ask(gateway, "third", key: "sk-hobby")
            try await untilQueued(gateway, 1)
            let second = try await ask(gateway, "second")
            try await until { gates.runtime.seen.requests.count == 2 }
            gates.open(0)
            gates.open(1)
            for client in [first, second, third] { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
    }

    @Test("long prompts have workers of their own, and short ones do not go there")
    func longContexts() async throws {
        let (standard, long) = (try await Gates(0), try await Gates(0))
        let split = setup { table in
            table.models["m"]?.longContextTokens = 50
            table.workers[1].contextClass = .long
        }
        try await GatewayFixture.run([standard.runtime, long.runtime], split) { gateway in
            for _ in 0..<5 {
                for text in ["short", String(repeating: "long", count: 100)] {
                    let answer = try await ask(gateway, text).answer()
                    #expect(answer.hasPrefix("HTTP/1.1 200 "))
                }
            }
        }
        #expect(standard.runtime.seen.requests.count == 5 && standard.runtime.seen.requests.allSatisfy { $0.contains("short") })
        #expect(long.runtime.seen.requests.count == 5 && long.runtime.seen.requests.allSatisfy { $0.contains("longlong") })
    }

    @Test("a stop refuses those who wait when its time is over")
    func stop() async throws {
        let gates = try await Gates(1)
        let setup = setup(wait: 60_000_000)
        let clients = Clients()
        let records = try await GatewayFixture.run([gates.runtime], setup) { gateway in
            clients.first = try await ask(gateway, "first")
            try await until { gates.runtime.seen.requests.count == 1 }
            clients.second = try await ask(gateway, "second")
            try await untilQueued(gateway, 1)
        }
        gates.open(0)
        #expect(records.map(\.errorCode) == ["shutting_down", "shutting_down"])
        let second = try #require(clients.second)
        #expect(try await second.untilClosed().contains("shutting_down"))
    }

    private final class Clients {
        var first: TestClient?
        var second: TestClient?
    }
}
