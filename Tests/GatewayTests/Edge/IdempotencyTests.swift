import Gateway
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite("Requests with an idempotency key")
struct IdempotencyTests {
    private static let field = "idempotency-key: order-7\r\n"

    private func ask(_ gateway: GatewayFixture, _ body: String = Samples.request, fields: String = field) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        try await client.post(body, fields: fields)
        let answer = try await client.answer()
        try await client.close()
        return answer
    }

    @Test("while the first one runs, the same again is refused and another body too; the worker sees one")
    func running() async throws {
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in
            open.yield()
            return [.after(promise.futureResult), .send(Answers.json(Samples.answer))]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let first = try await TestClient(port: gateway.port)
            try await first.post(Samples.request, fields: Self.field)
            _ = await opened.first { true }
            let second = try await ask(gateway)
            #expect(second.hasPrefix("HTTP/1.1 409 Conflict\r\n") && second.contains("idempotency_key_in_use"))
            #expect(second.contains("\r\nretry-after: 1\r\n"))
            let third = try await ask(gateway, Samples.stream)
            #expect(third.hasPrefix("HTTP/1.1 422 ") && third.contains("idempotency_key_mismatch"))
            promise.succeed()
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
        }
        #expect(runtime.seen.requests.count == 1)
        #expect(records.count == 1)
    }

    @Test("once it was answered, the same again is told which request it was, and not executed", arguments: [Samples.request, Samples.stream])
    func answered(_ body: String) async throws {
        let answer = body == Samples.stream ? Samples.wholeStream : Answers.json(Samples.answer)
        let runtime = try await ScriptedRuntime { _, _ in [.send(answer)] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let first = try await ask(gateway, body)
            let id = try #require(first.split(separator: "\r\n").first { $0.hasPrefix("x-request-id: ") }).dropFirst(14)
            let second = try await ask(gateway, body)
            #expect(second.hasPrefix("HTTP/1.1 409 ") && second.contains("idempotency_key_used") && second.contains("It was \(id)."))
            #expect(second.contains("\r\nx-should-retry: false\r\n"))
            #expect(try await ask(gateway, body, fields: "idempotency-key: order-8\r\n").hasPrefix("HTTP/1.1 200 "))
        }
        #expect(records.count == 2)
    }

    @Test("one that failed, and one whose client left, are executed anew")
    func executedAnew() async throws {
        let runtime = try await ScriptedRuntime { number, _ in
            switch number {
            case 0: [.send(Answers.json("{}", status: "400 Bad Request"))]
            case 1: [.send(Answers.streamHead + Samples.token("a"))]
            default: [.send(Samples.wholeStream)]
            }
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            #expect(try await ask(gateway, Samples.stream).hasPrefix("HTTP/1.1 400 "))
            let leaving = try await TestClient(port: gateway.port)
            try await leaving.post(Samples.stream, fields: Self.field)
            try await leaving.receive { $0.contains(#""content":"a""#) }
            try await leaving.close()
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
            #expect(try await ask(gateway, Samples.stream).hasPrefix("HTTP/1.1 200 "))
        }
        #expect(records.map(\.outcome) == ["excluded:4xx", "excluded:client_abort", "good"])
    }

    @Test("a refusal leaves the key free")
    func refused() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let refusal = try await ask(gateway, "{")
            #expect(refusal.hasPrefix("HTTP/1.1 400 "))
            let answer = try await ask(gateway)
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test(
        "a key that is empty, too long or there twice is refused",
        arguments: ["", String(repeating: "k", count: 256), "a\r\nidempotency-key: a"])
    func malformed(_ key: String) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let answer = try await ask(gateway, fields: "idempotency-key: \(key)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    @Test("a body that is read off the loop is guarded too")
    func large() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        (setup.tier.maxBodyBytes, setup.tier.maxPromptTokens) = (1 << 20, 1_000_000)
        let body = Samples.request.replacing("hi", with: String(repeating: "word ", count: 60_000))
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let (first, second) = (try await ask(gateway, body), try await ask(gateway, body))
            #expect(first.hasPrefix("HTTP/1.1 200 ") && second.contains("idempotency_key_used"))
            let other = try await ask(gateway, body.replacing("word \"", with: "worm \""))
            #expect(other.contains("idempotency_key_mismatch"))
            #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "1")
        }
        #expect(runtime.seen.requests.count == 1 && records.count == 1)
    }

    @Test("of many at once, on every loop, one is executed")
    func race() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.loops = 2
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let statuses = try await withThrowingTaskGroup(of: Substring.self) { group in
                for _ in 0..<20 { group.addTask { try await ask(gateway).dropFirst(9).prefix(3) } }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == ["200": 1, "409": 19])
        }
        #expect(runtime.seen.requests.count == 1 && records.count == 1)
    }
}
