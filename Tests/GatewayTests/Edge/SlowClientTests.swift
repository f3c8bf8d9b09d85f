import Gateway
import NIOCore
import NIOHTTP2
import PlimsollWire
import TestSupport
import Testing

@Suite struct SlowClientTests {
    private static let large =
        #"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":""#
        + String(repeating: "x", count: 12 << 20) + #""},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"#
        + #""completion_tokens":3,"total_tokens":12}}"#

    private func impatient() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.settings.interTokenTime = 1
        return setup
    }

    @Test func aStreamThatItsClientDoesNotReadIsGivenUp() async throws {
        let tokens = String(repeating: Samples.token(String(repeating: "x", count: 1000)), count: 12_000)
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + tokens)] }
        var setup = impatient()
        setup.tier.maxOutputTokens = 12_000
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port, receiveBuffer: 16_384)
            try await client.setReading(false)
            try await client.post(Samples.stream)
            try await until { !runtime.seen.requests.isEmpty }
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.map(\.outcome) == ["excluded:client_abort"])
        #expect(records.allSatisfy { $0.billableCompletionTokens > 0 })
    }

    private static let piece = Samples.token(String(repeating: "x", count: 60_000))

    /// A runtime that would send 100 MB, and what it was rid of when its client was given up: what lay in the buffers of sockets, and little more.
    private func flood(_ body: (GatewayFixture) async throws -> Void) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead), .flood(Self.piece, times: 1_700)] }
        var setup = GatewayFixture.Setup()
        // Long enough for all of it.
        setup.settings.interTokenTime = 4
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            try await body(gateway)
            try await until { !runtime.seen.requests.isEmpty }
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.map(\.outcome) == ["excluded:client_abort"])
        #expect(runtime.seen.flooded < 16 << 20, "\(runtime.seen.flooded)")
    }

    @Test func theWorkerOfAClientThatDoesNotReadIsNotReadEither() async throws {
        try await flood { gateway in
            let client = try await TestClient(port: gateway.port, receiveBuffer: 16_384)
            try await client.setReading(false)
            try await client.post(Samples.stream)
            try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
        }
    }

    @Test func theWorkerOfAStreamWithoutWindowIsNotReadEither() async throws {
        try await flood { gateway in
            let client = try await HTTP2Client(port: gateway.port, window: 10_000, givesWindow: false)
            client.post(1, Samples.stream)
            #expect(try await client.answer(1).reset == .enhanceYourCalm)
        }
    }

    @Test func anAnswerThatItsClientDoesNotReadIsGivenUp() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Self.large))] }
        try await GatewayFixture.run([runtime], impatient()) { gateway in
            let client = try await TestClient(port: gateway.port, receiveBuffer: 16_384)
            try await client.setReading(false)
            try await client.post(Samples.request)
            try await client.post(Samples.request)
            try await until { !runtime.seen.requests.isEmpty }
            try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
        }
        // The second answer would have waited behind the first, in memory.
        #expect(runtime.seen.requests.count == 1)
    }

    @Test func aLastAnswerIsNotCutBecauseItIsLarge() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.idleTime = 5
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Self.large))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port, receiveBuffer: 16_384)
            try await client.setReading(false)
            try await client.post(Samples.request, fields: "connection: close\r\n")
            // The time that another client may be idle is the clock here: longer than a closed connection lingers.
            let clock = try await TestClient(port: gateway.port)
            try await clock.send("GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            _ = try await clock.untilClosed()
            try await client.setReading(true)
            let answer = try await client.receive(within: .seconds(30)) { _ in false }
            #expect(answer.utf8.count > Self.large.utf8.count && answer.utf8.last == UInt8(ascii: "}"))
        }
    }

    @Test func aHalfClosedClientGetsTheTailOfALargeAnswer() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Self.large))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port, receiveBuffer: 16_384)
            try await client.post(Samples.request)
            try await client.closeOutput()
            let answer = try await client.receive(within: .seconds(30)) { _ in false }
            #expect(answer.utf8.count > Self.large.utf8.count && answer.utf8.last == UInt8(ascii: "}"))
        }
    }
}
