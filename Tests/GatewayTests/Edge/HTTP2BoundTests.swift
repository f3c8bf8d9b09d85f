import NIOCore
import NIOHTTP2
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Bounds of an HTTP/2 connection") struct HTTP2BoundTests {
    private static let calm: UInt8 = 11
    private static let refused: UInt8 = 7

    private func setup() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.concurrentRequests = 1000
        setup.tier.requestsPerMinute = 10_000
        setup.edit = { table in
            for index in table.workers.indices { table.workers[index].slots = 1000 }
        }
        return setup
    }

    @Test("streams above the bound are refused alone, also before the client can know it")
    func refusals() async throws {
        let gate = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in [.after(gate.futureResult), .send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], setup()) { gateway in
            let client = try await FrameClient(port: gateway.port)
            var requests = FrameClient.Requests()
            try await client.send(FrameClient.opening + requests.next(count: 130))
            try await until { client.all.resets.count == 30 && runtime.seen.requests.count == 100 }
            #expect(client.all.resets == Dictionary(uniqueKeysWithValues: stride(from: 201, to: 261, by: 2).map { ($0, Self.refused) }))
            #expect(client.all.frames.first { $0.type == 4 }?.payload.prefix(6) == [0, 3, 0, 0, 0, 100])
            // It learns of it, and goes on.
            try await client.send(FrameClient.acknowledgement + requests.next())
            try await until { client.all.resets[261] == Self.refused }
            gate.succeed()
            try await until { client.all.served.count == 100 }
            try await client.send(requests.next())
            try await until { client.all.served.contains(263) }
            #expect(client.all.goAways.isEmpty && !client.all.isClosed)
        }
        #expect(records.count == 101 && records.allSatisfy { $0.outcome == "good" })
    }

    /// What is known of the head alone, of a body that is said to be of a million bytes.
    struct EarlyRefusal: Sendable, CustomTestStringConvertible {
        var code: String
        var key = "sk-test"
        var most = 8 << 20
        var requests = 10_000

        var testDescription: String { code }
    }

    private static let earlyRefusals = [
        EarlyRefusal(code: "invalid_api_key", key: "sk-nobody"), EarlyRefusal(code: "request_too_large", most: 8192),
        EarlyRefusal(code: "rate_limit_exceeded", requests: 1),
    ]

    /// Its client has sent the beginning of the body with the head, and sends more until it hears of the end: 1.9 MB in all, of a window of one.
    @Test(
        "a body that still comes when its request is refused at the head costs that stream alone, and none of the connection's window",
        arguments: earlyRefusals)
    func refusedWhileTheBodyComes(refusal: EarlyRefusal) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = setup()
        (setup.tier.maxBodyBytes, setup.tier.requestsPerMinute) = (refusal.most, refusal.requests)
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await FrameClient(port: gateway.port)
            var requests = FrameClient.Requests()
            try await client.send(FrameClient.opening + FrameClient.acknowledgement + requests.next())
            try await until { client.all.served == [1] }
            let text = String(repeating: "a", count: 16_000)
            for _ in 0..<30 {
                let head = try requests.next(text, isEnd: false, key: refusal.key, fields: [("content-length", "1000000")])
                let (stream, more) = (requests.stream, FrameClient.frame(0, stream: requests.stream, Array(text.utf8)))
                try await client.send(head + more + more)
                try await until { client.all.resets[stream] == 0 }
                try await client.send(more)
            }
            #expect(client.all.text(of: 3).contains(refusal.code) && client.all.ended.count == 31)
            try await client.send(requests.next())
            let last = requests.stream
            try await until { client.all.ended.contains(last) }
            #expect(client.all.goAways.isEmpty && !client.all.isClosed)
            #expect(gateway.metric("plimsoll_gateway_http2_connections_broken_total") == "0")
        }
        #expect(runtime.seen.requests.allSatisfy { !$0.contains("aaaa") })
    }

    @Test("a client that is refused without end is told to keep calm, and is gone")
    func endlessRefusals() async throws {
        let gate = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in [.after(gate.futureResult)] }
        try await GatewayFixture.run([runtime], setup()) { gateway in
            let client = try await FrameClient(port: gateway.port)
            var requests = FrameClient.Requests()
            try await client.send(FrameClient.opening + FrameClient.acknowledgement + requests.next(count: 100 + FrameBudget.resets))
            try await until { client.all.resets.count == FrameBudget.resets && runtime.seen.requests.count == 100 }
            #expect(client.all.goAways.isEmpty)
            try await client.send(requests.next())
            try await until { client.all.isClosed && runtime.seen.open == 0 }
            #expect(client.all.goAways == [Self.calm])
            #expect(gateway.metric("plimsoll_gateway_http2_connections_broken_total") == "1")
        }
        gate.succeed()
    }

    @Test(
        "what asks for nothing ends its connection in the end, whatever it is",
        arguments: [
            ("WINDOW_UPDATE", FrameClient.frame(8, [0, 0, 0, 1])), ("an unknown type", FrameClient.frame(0x42, stream: 7, [1, 2])),
            ("a priority of RFC 9218", FrameClient.frame(0x10, [0, 0, 0, 1])), ("PING", FrameClient.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])),
            ("PRIORITY", FrameClient.frame(2, stream: 1, [0, 0, 0, 0, 1])), ("SETTINGS", FrameClient.frame(4)),
        ])
    func floods(name: String, frame: [UInt8]) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await FrameClient(port: gateway.port)
            var requests = FrameClient.Requests()
            let most = Array(repeatElement(frame, count: FrameBudget.idleFrames - 10).joined())
            try await client.send(FrameClient.opening + FrameClient.acknowledgement + most + requests.next())
            try await until { client.all.served == [1] }
            try await client.send(Array(repeatElement(frame, count: 100).joined()))
            try await until { client.all.isClosed }
            #expect(client.all.goAways == [Self.calm])
            #expect(gateway.metric("plimsoll_gateway_http2_connections_broken_total") == "1")
        }
    }

    @Test(
        "fields that never end are given up in the time of a head, also while another stream is answered",
        arguments: [
            FrameClient.frame(1, flags: 1, stream: 3, [0x82]), Array(FrameClient.frame(1, flags: 5, stream: 3, [0x82, 0x84]).dropLast()),
            FrameClient.frame(1, flags: 1, stream: 3, [0x82]) + FrameClient.frame(9, stream: 3, [0x86]),
        ])
    func slowFields(beginning: [UInt8]) async throws {
        let gate = ScriptedRuntime.promise()
        defer { gate.succeed() }
        let runtime = try await ScriptedRuntime { _, _ in [.after(gate.futureResult)] }
        var setup = setup()
        setup.settings.headTime = 5
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await FrameClient(port: gateway.port)
            var requests = FrameClient.Requests()
            try await client.send(FrameClient.opening + FrameClient.acknowledgement + requests.next())
            try await until { runtime.seen.requests.count == 1 }
            try await client.send(beginning)
            try await until { client.all.isClosed && runtime.seen.open == 0 }
            #expect(client.all.goAways == [Self.calm])
        }
    }

    /// Three thousand frames of window, for an answer in as many pieces.
    @Test("a client that gives window for each piece that it gets is not cut")
    func slowReader() async throws {
        let text = String(repeating: "x", count: 150_000)
        let answer = #"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"\#(text)"},"finish_reason":"stop"}]}"#
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port, window: 100)
            client.post(1, Samples.request)
            #expect(try await client.answer(1).body.utf8.count > 150_000)
            #expect(client.all.goAway.isEmpty)
        }
    }

    /// Three times as long as a client may take nothing, in turns of a tenth of that: a busy machine may miss nine in a row.
    @Test("a large answer is not cut off while its client goes on reading, however slowly")
    func steadyReader() async throws {
        let text = String(repeating: "x", count: 2_400_000)
        let answer = #"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"\#(text)"},"finish_reason":"stop"}]}"#
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(answer))] }
        var setup = GatewayFixture.Setup()
        setup.settings.interTokenTime = 5
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await HTTP2Client(port: gateway.port, givesWindow: false)
            client.post(1, Samples.request)
            let began = ContinuousClock.now
            for turn in 1...30 {
                try await until { ContinuousClock.now - began > .milliseconds(500 * turn) }
                // A stream that is over takes no more.
                for stream in [1, 0] { try? await client.send(stream, .windowUpdate(windowSizeIncrement: 100_000)) }
            }
            let told = try await client.answer(1)
            #expect(told.reset == nil && told.body.utf8.count > 2_400_000)
        }
        #expect(records.map(\.outcome) == ["good"])
    }

    @Test("a budget is given anew after its time, and data that was sent earns updates of windows")
    func budget() {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var budget = FrameBudget(now: start)
        let resets = (0...FrameBudget.resets).map { _ in budget.takesReset(now: start) }
        let idle = (0...FrameBudget.idleFrames).map { _ in budget.takesIdle(now: start) }
        #expect(resets.firstIndex(of: false) == FrameBudget.resets && idle.firstIndex(of: false) == FrameBudget.idleFrames)
        let earned = (0...1000).map { _ in budget.takesUpdate(dataSent: 100, now: start) }
        #expect(earned.firstIndex(of: false) == 1000)
        let later = start + FrameBudget.window
        let anew = [budget.takesReset(now: later), budget.takesIdle(now: later), budget.takesUpdate(dataSent: 100, now: later)]
        #expect(anew == [true, true, true])
    }
}
