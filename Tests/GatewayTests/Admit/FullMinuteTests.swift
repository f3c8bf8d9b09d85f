import Domain
import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Whoever has no place left is told so before its request costs anything.
@Suite("A minute without room")
struct FullMinuteTests {
    private static let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-type: application/json\r\n"

    private static func setup(requests: Int = 1) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = requests
        setup.tier.maxBodyBytes = 8 << 20
        return setup
    }

    private static func outcomes(_ gateway: GatewayFixture) async throws -> [String: [String: Int64]] {
        let counted = try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value) }
        return Dictionary(counted.map { ($0.model, $0.outcomes) }) { $0.merging($1, uniquingKeysWith: +) }
    }

    @Test("a long body is not waited for", arguments: ["content-length: 1000000", "transfer-encoding: chunked"])
    func longBodies(length: String) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], Self.setup()) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            client.clear()
            try await client.send(Self.head + length + "\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("rate_limit_exceeded") && answer.contains("\r\nretry-after: "), "\(answer)")
            #expect(answer.contains("x-ratelimit-limit-requests: 1\r\n") && answer.contains("x-ratelimit-remaining-requests: 0\r\n"), "\(answer)")
            #expect(gateway.metric(#"plimsoll_gateway_limit_refusals_total{limit="requests_per_minute"}"#) == "1")
            #expect(try await Self.outcomes(gateway) == ["": ["excluded:quota": 1], "m": ["good": 1]])
        }
    }

    @Test("nor one of a request too many at once")
    func concurrency() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in [.after(gate.futureResult), .send(Answers.json(Samples.answer))] }
        var setup = Self.setup(requests: 100)
        setup.tier.concurrentRequests = 1
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (running, next) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await running.post(Samples.request)
            try await until { runtime.seen.requests.count == 1 }
            try await next.send(Self.head + "content-length: 1000000\r\n\r\n")
            #expect(try await next.answer().contains("too_many_concurrent_requests"))
            gate.succeed()
            #expect(try await running.answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("behind a short body the connection goes on, and its model counts the refusal; it is neither masked nor held against rules")
    func shortBodies() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = Self.setup()
        setup.edit = { table in
            table.tenants["tenant-1"]?.masking = "personal"
            table.rules = [RuleEntry(id: "r", kind: .literal, pattern: "forbidden")]
        }
        let body = #"{"model":"m","messages":[{"role":"user","content":"a@example.org forbidden"}]}"#
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            for body in [body, body] {
                client.clear()
                try await client.post(body)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("rate_limit_exceeded"), "\(answer)")
                #expect(!answer.contains("connection: close"))
            }
            #expect(gateway.metric("plimsoll_gateway_prompts_masked_total") == "0")
            #expect(gateway.metric("plimsoll_gateway_prompts_refused_total") == "0")
            #expect(try await Self.outcomes(gateway) == ["m": ["good": 1, "excluded:quota": 2]])
        }
        #expect(runtime.seen.requests.count == 1)
    }

    /// Its limits are looked at twice where it came in the moment in which a place came free.
    @Test("a request whose limits are looked at and given back is not in the base of its tenant's second tries before it is tried")
    func countedOnce() throws {
        let limits = try LimitFixture().limits
        for _ in 0..<50 { limits.release(try #require(limits.take(1).reservation), now: 0) }
        #expect((0..<3).map { _ in limits.takeRetry(now: 0) } == [true, true, false])
        #expect((0..<3).map { _ in limits.takeDoubt(now: 0) } == [true, true, false])
        for _ in 0..<40 { limits.noteRequest(now: 0) }
        #expect((0..<3).map { _ in limits.takeRetry(now: 0) } == [true, true, false])
    }

    @Test("what other gateways may leave is not known to be all there is")
    func shared() throws {
        var fixture = try LimitFixture()
        fixture.tier.requestsPerMinute = 2
        let limits = fixture.limits
        #expect(limits.full(now: 0) == nil && limits.take(1).fault == nil && limits.full(now: 0) == nil && limits.take(1).fault == nil)
        #expect(limits.full(now: 0)?.fault.kind == .requests && limits.full(now: 30_000_000) == nil, "and nothing is taken by looking")
        #expect(limits.tenant.holdsAllThereIs)
        limits.tenant.change(
            MinuteCaps(requests: 1, requestBurst: 1, tokens: 1, tokenBurst: 1, concurrent: 1),
            of: MinuteCaps(requests: 2, requestBurst: 2, tokens: 2, tokenBurst: 2, concurrent: 2))
        #expect(!limits.tenant.holdsAllThereIs)
    }
}
