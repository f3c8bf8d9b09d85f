import Domain
import Logging
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("Waiting for a lease") struct LeaseWaitTests {
    /// A quota of which nothing is held, and a control plane that does not answer.
    private static func setup(wait: Int, concurrent: Int = 100) throws -> (setup: GatewayFixture.Setup, book: LimitBook) {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerDay = 10_000
        setup.tier.concurrentRequests = concurrent
        setup.settings.leaseTime = wait
        let book = try LimitBook(
            file: LimitFile(), isLeased: true, wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
        setup.limits = book
        setup.leases = LeaseKeeper(book: book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) { _ in
            try await silence()
            throw CancellationError()
        }
        return (setup, book)
    }

    /// What a client is told of a lease that did not come.
    private static func expectRefusal(_ answer: String) {
        #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("tokens_per_day_exceeded"), "\(answer)")
        #expect(answer.contains("\r\nretry-after: 2\r\n") || answer.contains("\r\nretry-after: 3\r\n"), "\(answer)")
        #expect(answer.contains("No part of the tokens a day of this account is free at this gateway at the moment."), "\(answer)")
    }

    private static func grant(_ tokens: Int64, _ book: LimitBook) {
        var plan = LeasePlan()
        let now = NIODeadline.now().microseconds
        for report in plan.reports(book.holders, now: now) {
            let grant = LeaseGrant(
                holder: report.holder, kind: report.kind, period: report.period, granted: tokens, spent: 0, elsewhere: 0, seconds: 60,
                isExhausted: false)
            plan.take(grant, book, sentAt: now, now: now)
        }
    }

    @Test("it ends, and the client is told to come again soon, not when the window ends") func time() async throws {
        let (setup, _) = try Self.setup(wait: 1)
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            Self.expectRefusal(try await client.answer())
            #expect(gateway.metric("plimsoll_gateway_lease_waits_total") == "1")
            #expect(try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value).outcomes } == [["bad:shed": 1]])
        }
    }

    @Test("the control plane is asked for it again and again, but not at every look") func rate() async throws {
        var (setup, book) = try Self.setup(wait: 1)
        let asked = Counter()
        let server = Mutex<GatewayServer?>(nil)
        let keeper = LeaseKeeper(
            book: book, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            granted: { server.withLock { $0 }?.leasesChanged() },
            exchange: { _ in
                _ = asked.next()
                return LeaseAnswer(now: LoopClock.wallMicroseconds(), grants: [], sought: [])
            })
        setup.leases = keeper
        try await GatewayFixture.run([], setup) { gateway in
            server.withLock { $0 = gateway.server }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await keeper.run() }
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                Self.expectRefusal(try await client.answer())
                group.cancelAll()
            }
            server.withLock { $0 = nil }
        }
        #expect((3..<25).contains(asked.next()))
    }

    @Test(
        "whoever is told meanwhile that the gateway stops is in the minute as our failure, and who leaves as one that left", arguments: [true, false])
    func ended(isCut: Bool) async throws {
        var (setup, _) = try Self.setup(wait: 60)
        (setup.drains, setup.drainLimit) = (true, .zero)
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            try await until { gateway.metric("plimsoll_gateway_lease_waits_total") == "1" }
            if isCut {
                await gateway.drain()
                #expect(try await client.answer().hasPrefix("HTTP/1.1 503 "))
            } else {
                try await client.close()
                try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
            }
            // While the spool closes they are on their way from its loops.
            var told: [[String: Int64]] = []
            try await until {
                told += try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value).outcomes }
                return !told.isEmpty
            }
            #expect(told == [[isCut ? "bad:5xx" : "excluded:client_abort": 1]])
        }
    }

    @Test("of a tenant no more wait than it may have running") func number() async throws {
        let (setup, book) = try Self.setup(wait: 60, concurrent: 3)
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            var clients: [TestClient] = []
            for count in 1...5 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                clients.append(client)
                try await until { gateway.metric("plimsoll_gateway_lease_waits_total") == "\(min(count, 3))" }
            }
            for client in clients[3...] { Self.expectRefusal(try await client.answer()) }
            #expect(clients[..<3].allSatisfy { $0.received.isEmpty })
            // One that leaves makes room.
            try await clients[0].close()
            try await until { gateway.metric("plimsoll_gateway_connections") == "4" }
            let next = try await TestClient(port: gateway.port)
            try await next.post(Samples.request)
            try await until { gateway.metric("plimsoll_gateway_lease_waits_total") == "4" }
            Self.grant(10_000, book)
            gateway.server.leasesChanged()
            for client in clients[1...2] + [next] { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
        }
    }

    @Test("the wait is in the record and the explanation, and a stream says meanwhile that it lives") func told() async throws {
        var (setup, book) = try Self.setup(wait: 60)
        setup.settings.headHoldTime = 1
        let runtime = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream)] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let waiting = try await client.receive { $0.contains(": keep-alive\n\n") }
            #expect(waiting.hasPrefix("HTTP/1.1 200 ") && !waiting.contains("data:"))
            Self.grant(10_000, book)
            gateway.server.leasesChanged()
            #expect(try await client.answer().contains("[DONE]"))
        }
        let record = try #require(records.first)
        #expect(record.queuedFor == 0 && record.account?.attempts.first?.startedAfter ?? 0 >= record.leasedFor ?? .max)
        #expect(records.count == 1 && records.first?.leasedFor ?? 0 >= 1_000_000)
    }

    @Test("a stream that has been told that the gateway lives is told in it that no lease came") func refusedInTheStream() async throws {
        var (setup, _) = try Self.setup(wait: 2)
        setup.settings.headHoldTime = 1
        let records = try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains(": keep-alive\n\n"))
            #expect(answer.contains("tokens_per_day_exceeded") && !answer.contains("[DONE]"))
            let decision = try #require(await gateway.server.takeRefusals().first)
            #expect(decision.leasedFor ?? 0 >= 2_000_000 && decision.refusal?.code == "tokens_per_day_exceeded")
        }
        #expect(records.isEmpty)
    }
}
