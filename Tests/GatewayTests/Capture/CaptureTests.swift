import Foundation
import Logging
import NIOCore
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Stands for the server: its last requests end when it is asked to stop.
private struct Draining: Service {
    let desk: CaptureDesk
    let exchange: CapturedExchange
    let started: AsyncStream<Void>.Continuation

    func run() async throws {
        started.yield()
        try? await gracefulShutdown()
        for _ in 0..<20 { desk.put(exchange) }
    }
}

@Suite struct CaptureTests {
    private static let secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    private func desk(_ ask: @escaping CaptureDesk.Ask = { _ in CaptureAnswer(status: 200, body: "{}") }) -> CaptureDesk {
        CaptureDesk(metrics: MetricRegistry(), ask: ask)
    }

    private static func entry(_ id: String = "c1", key: String? = nil, models: [String]? = nil, expires: Int64 = .max, limit: Int = 10)
        -> CaptureEntry
    {
        CaptureEntry(id: id, tenant: "tenant-1", key: key, models: models, expiresAtSeconds: expires, limit: limit)
    }

    private func captured(_ entries: [CaptureEntry], _ desk: CaptureDesk, _ script: String, _ body: String, times: Int = 1) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(script)] }
        try await GatewayFixture.run([runtime], GatewayFixture.Setup(captures: desk, edit: { $0.captures = entries })) { gateway in
            for _ in 0..<times {
                let client = try await TestClient(port: gateway.port)
                try await client.post(body)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    /// Ships what the desk holds and returns it.
    private func shipped(_ desk: CaptureDesk) async -> [CaptureRecord] {
        let records = Mutex<[CaptureRecord]>([])
        await CaptureShipper(desk: desk, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) { batch in
            records.withLock { $0 += batch.records }
            return IntakeResponse(stored: batch.records.count, duplicates: 0, quarantined: 0)
        }.ship()
        return records.withLock { $0 }
    }

    private static let exchange = CapturedExchange(
        captures: ["c1"], requestId: "r", key: "key-1", model: "m", acceptedAt: 1, status: 200, request: ByteBuffer(string: "{}"),
        answer: ByteBuffer(string: "{}"), isEventStream: false, isCut: false)

    /// With an answer for each batch; nil: it fails.
    private func shipper(_ desk: CaptureDesk, _ answer: @escaping @Sendable (CaptureBatch) -> IntakeResponse?) -> CaptureShipper {
        struct Away: Error {}
        return CaptureShipper(desk: desk, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), interval: .seconds(60)) {
            batch in
            guard !Task.isCancelled, let taken = answer(batch) else { throw Away() }
            return taken
        }
    }

    @Test(arguments: [(IntakeResponse(stored: 1, duplicates: 0, quarantined: 2), 2), (nil, 3)] as [(IntakeResponse?, Int)])
    func whatIsNotTakenIsCounted(answer: IntakeResponse?, dropped: Int) async throws {
        let metrics = MetricRegistry()
        let desk = CaptureDesk(metrics: metrics) { _ in CaptureAnswer(status: 200, body: "{}") }
        for _ in 0..<3 { desk.put(Self.exchange) }
        await shipper(desk) { _ in answer }.ship()
        #expect(metrics.prometheusText().contains("plimsoll_gateway_captures_dropped_total \(dropped)\n"))
    }

    @Test func whatManyCapturesWantGoesInPartsThatAreTaken() async throws {
        let desk = desk()
        var exchange = Self.exchange
        exchange.captures = (0..<20).map { "c\($0)" }
        exchange.request = ByteBuffer(string: #"{"x":""# + String(repeating: "word ", count: 25_000) + #""}"#)
        for _ in 0..<8 { desk.put(exchange) }
        let sent = Mutex(0)
        await shipper(desk) { batch in
            // As much as the control plane takes at once.
            guard let bytes = try? WireCoder.encode(batch).count, bytes <= 16 << 20 else { return nil }
            sent.withLock { $0 += batch.records.count }
            return IntakeResponse(stored: batch.records.count, duplicates: 0, quarantined: 0)
        }.ship()
        #expect(sent.withLock { $0 } == 160)
    }

    @Test func whatWaitsWhenTheGatewayStopsIsSent() async throws {
        let sent = Mutex(0)
        let desk = desk()
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let shipper = shipper(desk) { batch in
            sent.withLock { $0 += batch.records.count }
            return IntakeResponse(stored: batch.records.count, duplicates: 0, quarantined: 0)
        }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let services: [any Service] = [shipper, Draining(desk: desk, exchange: Self.exchange, started: started)]
        let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
        // Waited for below.
        let running = Task { try await group.run() }
        _ = await starts.first { true }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(sent.withLock { $0 } == 20 && desk.takeWaiting().isEmpty)
    }

    @Test func whatIsKeptHasNoSecretsNorPersonalData() async throws {
        let desk = desk()
        let body =
            #"{"model":"m","messages":[{"role":"user","content":"k\u0065y \#(Self.secret.prefix(10))\u0048\#(Self.secret.dropFirst(11)), me@example.org"}]}"#
        try await captured([Self.entry()], desk, Answers.json(Samples.answer.replacing("hello", with: "call +49 30 901820")), body)
        let record = try #require(await shipped(desk).first)
        #expect(record.request.contains("key <redacted github-pat>, <redacted email>"), "\(record.request)")
        #expect(record.answer.contains("call <redacted phone>") && record.status == 200 && record.model == "m" && record.key == "key-1")
    }

    /// In a stream a secret comes in pieces, none of which is one.
    @Test func aSecretInPiecesOfAStreamIsFoundInTheWhole() async throws {
        let desk = desk()
        let pieces = stride(from: 0, to: Self.secret.count, by: 5).map { String(Self.secret.dropFirst($0).prefix(5)) }
        let script =
            Answers.streamHead + Samples.role + pieces.map(Samples.token).joined() + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        try await captured([Self.entry()], desk, script, Samples.stream)
        let record = try #require(await shipped(desk).first)
        #expect(record.answer == "<redacted github-pat>" && !record.isCut)
    }

    /// Arguments of a call are JSON within JSON.
    @Test(arguments: [false, true]) func aSecretWithinTheEscapesOfArgumentsIsFound(isStream: Bool) async throws {
        let desk = desk()
        let escaped = #"ghp_\\u00\#(String(UInt8(ascii: "a"), radix: 16))\#(Self.secret.dropFirst(5))"#
        let calls = #"[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"k\":\"\#(escaped)\"}"}}]"#
        let asked = #"{"model":"m","stream":\#(isStream),"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":\#(calls)}]}"#
        let event = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"tool_calls":\#(calls)}}]}"#)
        let stream = Answers.streamHead + Samples.role + event + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        let whole = Answers.json(Samples.answer.replacing(#""content":"hello""#, with: #""content":null,"tool_calls":\#(calls)"#))
        try await captured([Self.entry()], desk, isStream ? stream : whole, asked)
        let record = try #require(await shipped(desk).first)
        #expect(record.request.contains("<redacted github-pat>") && record.answer.contains("<redacted github-pat>"), "\(record)")
        #expect(!(record.request + record.answer).contains(Self.secret.dropFirst(5)))
    }

    /// What is refused is what a tenant looks for most.
    @Test(arguments: [#"{"model":"m","messages":[],"x":"\#(secret)"}"#, #"{"model":"none","messages":[{"role":"user","content":"\#(secret)"}]}"#])
    func whatIsRefusedIsKept(body: String) async throws {
        let desk = desk()
        try await refused(body, desk)
        let records = await shipped(desk)
        let record = try #require(records.first)
        #expect(records.map(\.capture) == ["c1"], "the other one is of a model")
        #expect((400...404).contains(record.status) && record.answer.contains("error") && record.model == "")
        #expect(record.request.contains("<redacted github-pat>") && !record.request.contains(Self.secret))
    }

    @Test func ofWhatIsNoJSONOnlyTheErrorIsKept() async throws {
        let desk = desk()
        try await refused(#"{"model":"m","messages":[{"role":"user","content":"\#(Self.secret)"}"#, desk)
        let record = try #require(await shipped(desk).first)
        #expect(record.status == 400 && record.request == "" && record.answer.contains("invalid_json"))
    }

    /// It is read on another thread.
    @Test func ofALargeBodyThatIsRefusedItsLengthIsTold() async throws {
        let desk = desk()
        let body = #"{"model":"m","messages":[{"role":"user","content":"\#(String(repeating: "word ", count: 60_000))"}]}"#
        var setup = GatewayFixture.Setup(captures: desk, edit: { $0.captures = [Self.entry()] })
        setup.tier.maxBodyBytes = 1 << 20
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body)
            #expect(try await client.answer().contains("prompt_too_long"))
        }
        let record = try #require(await shipped(desk).first)
        #expect(record.status == 400 && record.isCut && record.requestBytes == body.utf8.count && record.request == "")
    }

    private func refused(_ body: String, _ desk: CaptureDesk) async throws {
        let entries = [Self.entry(), Self.entry("of a model", models: ["m"])]
        try await GatewayFixture.run([], GatewayFixture.Setup(captures: desk, edit: { $0.captures = entries })) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 40"))
        }
    }

    @Test func onlyWhatWasAskedForIsKept() async throws {
        let desk = desk()
        let entries = [
            Self.entry("other key", key: "key-2"), Self.entry("other model", models: ["other"]), Self.entry("over", expires: 1000),
            Self.entry("two", key: "key-1", models: ["m"], limit: 2),
        ]
        try await captured(entries, desk, Answers.json(Samples.answer), Samples.request, times: 3)
        #expect(await shipped(desk).map(\.capture) == ["two", "two"])
    }

    @Test func nothingIsKeptOfATenantThatDidNotAsk() async throws {
        let desk = desk()
        try await captured([], desk, Answers.json(Samples.answer), Samples.request)
        #expect(desk.takeWaiting().isEmpty)
    }

    /// Before the first token, and in the middle of a stream.
    @Test(arguments: [false, true]) func whatWasThereIsKeptWhenTheClientLeaves(hasBegun: Bool) async throws {
        let desk = desk()
        let script: [ScriptedRuntime.Step] = hasBegun ? [.send(Answers.streamHead + Samples.role + Samples.token("begun"))] : []
        let runtime = try await ScriptedRuntime { _, _ in script }
        try await GatewayFixture.run([runtime], GatewayFixture.Setup(captures: desk, edit: { $0.captures = [Self.entry()] })) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            if hasBegun { try await client.receive { $0.contains("begun") } } else { try await until { !runtime.seen.requests.isEmpty } }
            try await client.close()
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
        }
        let records = await shipped(desk)
        #expect(records.count == 1 && records.allSatisfy { $0.isCut && $0.request.contains("hi") })
        #expect(records.first?.answer == (hasBegun ? "begun" : "") && records.first?.status == (hasBegun ? 200 : 0))
    }

    /// Half of one is not known for one; and the text that is cut off has its escapes.
    @Test func ofASecretWhereARequestIsCutNothingIsKept() async throws {
        let desk = desk()
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup(captures: desk, edit: { $0.captures = [Self.entry()] })
        (setup.tier.maxBodyBytes, setup.tier.maxPromptTokens) = (1 << 20, 1_000_000)
        let escaped = "\(Self.secret.prefix(10))\\u0048\(Self.secret.dropFirst(11))"
        let start = #""messages":[{"role":"user","content":"\#(escaped) "#
        let filling = String(repeating: "a ", count: (CaptureDesk.mostBytes - start.utf8.count - 12) / 2)
        let body = #"{\#(start)\#(filling)\#(Self.secret) \#(String(repeating: "b ", count: 50_000))"}],"model":"m"}"#
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
        }
        let record = try #require(await shipped(desk).first)
        #expect(record.isCut && record.request.utf8.count <= CaptureDesk.mostBytes && record.request.utf8.count > CaptureDesk.mostBytes - 1_000)
        #expect(record.request.contains("<redacted github-pat> a a") && !record.request.contains("ghp_"))
    }

    @Test func ofAPrivateKeyWhoseEndHasNotComeNothingIsKept() async throws {
        let desk = desk()
        let runtime = try await ScriptedRuntime { _, _ in
            [.send(Answers.streamHead + Samples.role + Samples.token(#"See -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw"#))]
        }
        try await GatewayFixture.run([runtime], GatewayFixture.Setup(captures: desk, edit: { $0.captures = [Self.entry()] })) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains("MIIE") }
            try await client.close()
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
        }
        #expect(await shipped(desk).map(\.answer) == ["See <redacted private-key-start>"])
    }

    @Test func aHugeAnswerIsCut() async throws {
        let desk = desk()
        let long = String(repeating: "word ", count: 40_000)
        try await captured([Self.entry()], desk, Answers.json(Samples.answer.replacing("hello", with: long)), Samples.request)
        let record = try #require(await shipped(desk).first)
        #expect(record.isCut && record.answer.utf8.count <= CaptureDesk.mostBytes)
        #expect(record.answerBytes == Samples.answer.utf8.count - 5 + long.utf8.count && (record.requestBytes ?? 0) > 40)
    }

    @Test(arguments: [
        ("POST", "", CaptureCall.Action.create, nil), ("GET", "", .list, nil), ("GET", "/c1", .show, "c1"), ("GET", "/c1/records", .records, "c1"),
        ("GET", "/c1/records?limit=2", .records, "c1"), ("GET", "?limit=2", .list, nil),
        ("DELETE", "/c1", .erase, "c1"),
    ])
    func whatAKeyAsksIsPassedOnWithItsTenant(method: String, path: String, action: CaptureCall.Action, capture: String?) async throws {
        let calls = Mutex<[CaptureCall]>([])
        let desk = desk { call in
            calls.withLock { $0.append(call) }
            return CaptureAnswer(status: 201, body: #"{"made":true}"#)
        }
        try await GatewayFixture.run([], GatewayFixture.Setup(captures: desk)) { gateway in
            let client = try await TestClient(port: gateway.port)
            let body = method == "POST" ? #"{"expires_in":60}"# : ""
            let length = method == "POST" ? "content-type: application/json\r\ncontent-length: \(body.count)\r\n" : ""
            try await client.send("\(method) /v1/debug/captures\(path) HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\n\(length)\r\n\(body)")
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 201 Created") && answer.hasSuffix(#"{"made":true}"#), "\(answer)")
            let call = try #require(calls.withLock { $0.first })
            #expect(call.action == action && call.capture == capture && call.tenant == "tenant-1" && call.key == "key-1" && call.body == body)
            #expect(call.query == (path.contains("?") ? "limit=2" : nil))
        }
    }

    @Test func callsAboutCapturesAreRequestsOfTheMinute() async throws {
        let calls = Mutex(0)
        let desk = desk { _ in
            calls.withLock { $0 += 1 }
            return CaptureAnswer(status: 200, body: "{}")
        }
        var setup = GatewayFixture.Setup(captures: desk)
        (setup.tier.requestsPerMinute, setup.tier.concurrentRequests) = (2, 1)
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for status in ["200", "200", "429"] {
                client.clear()
                try await client.send("GET /v1/debug/captures HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\n\r\n")
                #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            }
        }
        #expect(calls.withLock { $0 } == 2)
    }

    @Test func withoutAKeyOrAControlPlaneThereIsNoAnswer() async throws {
        struct Away: Error {}
        try await GatewayFixture.run([], GatewayFixture.Setup(captures: desk { _ in throw Away() })) { gateway in
            for (key, status) in [("sk-wrong", 401), ("sk-test", 503)] {
                let client = try await TestClient(port: gateway.port)
                try await client.send("GET /v1/debug/captures HTTP/1.1\r\nhost: t\r\nauthorization: Bearer \(key)\r\n\r\n")
                #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            }
        }
    }
}
