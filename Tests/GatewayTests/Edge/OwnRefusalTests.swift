import Domain
import NIOCore
import NIOHTTP2
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// What a gateway refuses by its own fault before it has read for which model it was.
@Suite("Refusals by the gateway's own fault")
struct OwnRefusalTests {
    private static let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-length: "

    /// Its table is too old for any tier.
    private static func outdated() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.maxTableAgeSeconds = -1
        setup.contact = ControlContact()
        return setup
    }

    private static func outcomes(_ gateway: GatewayFixture) async throws -> [String: [String: Int64]] {
        let counted = try await gateway.spool.takeMinutes().map { MinuteCounters($0.key, $0.value) }
        return Dictionary(counted.map { ($0.model, $0.outcomes) }) { $0.merging($1, uniquingKeysWith: +) }
    }

    /// What was counted is taken away by looking.
    private static func areOwn(_ gateway: GatewayFixture, _ count: Int64 = 1) async throws {
        var sum: Int64 = 0
        try await until {
            for (model, counts) in try await outcomes(gateway) {
                #expect(model == "m" && Array(counts.keys) == ["bad:5xx"])
                sum += counts["bad:5xx"] ?? 0
            }
            return sum == count
        }
    }

    @Test("count in the minutes of the model that the body names, also where that comes behind the answer", arguments: [[0], [5], [60], [5, 60]])
    func counted(cuts: [Int]) async throws {
        let body = Array(#"{"messages":[{"role":"user","content":"{\"model\":\"other\"}"}], "model" : "m", "stream":true}"#)
        try await GatewayFixture.run([], Self.outdated()) { gateway in
            let client = try await TestClient(port: gateway.port)
            let pieces = zip([0] + cuts, cuts + [body.count]).map { String(body[$0..<$1]) }
            try await client.send(pieces: [Self.head + "\(body.count)\r\n\r\n"] + pieces)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("service_unavailable"), "\(answer)")
            try await Self.areOwn(gateway)
        }
    }

    private static let chunked = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ntransfer-encoding: chunked\r\n"

    @Test("in chunks too, wherever they and what is sent at once end", arguments: [[0], [3], [9, 31], [0, 1, 2, 3, 4, 5, 6, 40]])
    func chunks(cuts: [Int]) async throws {
        let texts = [#"{"messages":[{"role":"user","content":"hi"}],"mo"#, #"del""#, #": "m","#, #""stream":true}"#]
        let body = Array(texts.map { Answers.chunk($0) }.joined() + "0\r\n\r\n")
        try await GatewayFixture.run([], Self.outdated()) { gateway in
            let client = try await TestClient(port: gateway.port)
            let pieces = zip([0] + cuts, cuts + [body.count]).map { String(body[$0..<$1]) }
            try await client.send(pieces: [Self.chunked + "\r\n"] + pieces)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("service_unavailable"), "\(answer)")
            try await Self.areOwn(gateway)
        }
    }

    @Test("chunks that come behind the answer count once, those that are none do not")
    func chunksBehindTheAnswer() async throws {
        try await GatewayFixture.run([], Self.outdated()) { gateway in
            for rest in [Answers.chunk(#"el":"m","a":1,"#) + Answers.chunk(#""model":"m"}"#), "x\r\n" + Answers.chunk(#"el":"m"}"#)] {
                let client = try await TestClient(port: gateway.port)
                try await client.send(Self.chunked + "\r\n" + Answers.chunk(#"{"mod"#))
                #expect(try await client.answer().hasPrefix("HTTP/1.1 503 "))
                try await client.send(rest)
                // Nothing else of it is read: the connection ends.
                try await client.closeOutput()
                _ = try await client.untilClosed()
            }
            try await Self.areOwn(gateway)
        }
    }

    @Test("over HTTP/2 too, where a body comes behind its head, and a stream whose body never comes is reset in its time")
    func overHTTP2() async throws {
        try await GatewayFixture.run([], Self.outdated()) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.request)
            client.post(3, Samples.request, isEnd: false)
            client.post(5, "{", isEnd: false)
            for stream in [1, 3, 5] { #expect(try await client.answer(stream).status == "503") }
            try await Self.areOwn(gateway, 2)
            try await until { client.all.answers[3]?.reset == .noError && client.all.answers[5]?.reset == .noError }
            client.post(7, Samples.request)
            #expect(try await client.answer(7).status == "503")
        }
    }

    @Test("what names no model of the key's, or nothing, counts in no minute of a model; nor does a key that nobody has")
    func nameless() async throws {
        let bodies = [#"{"model":"none"}"#, #"{"messages":[]}"#, "[]", #"{"model":5}"#, #"{"a":{"model":"m"}}"#, #"{"model":"m\u0041"}"#]
        try await GatewayFixture.run([], Self.outdated()) { gateway in
            for body in bodies {
                let client = try await TestClient(port: gateway.port)
                try await client.post(body)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 503 "))
            }
            let stranger = try await TestClient(port: gateway.port)
            try await stranger.post(Samples.request, key: "sk-nobody")
            #expect(try await stranger.answer().hasPrefix("HTTP/1.1 401 "))
            #expect(try await Self.outcomes(gateway).isEmpty)
        }
    }

    @Test("a request that is being sent when the gateway is stopped counts by what has come of it, or comes then", arguments: [false, true])
    func drained(inChunks: Bool) async throws {
        let moment = ScriptedMoment()
        defer { moment.come() }
        let runtime = try await ScriptedRuntime { _, _ in [moment.step, .send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.drains = true
        setup.drainLimit = .seconds(60)
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (running, sending) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await running.post(Samples.request)
            try await sending.send(inChunks ? Self.chunked : Self.head + "100\r\n")
            try await sending.send("expect: 100-continue\r\n\r\n")
            try await sending.receive { $0.contains("100 Continue\r\n\r\n") }
            sending.clear()
            try await sending.send(inChunks ? Answers.chunk(#"{"model":"#) : #"{"model":"m","messages""#)
            try await until { !runtime.seen.requests.isEmpty }
            await gateway.drain()
            #expect(try await sending.answer().contains("shutting_down"))
            if inChunks { try await sending.send(Answers.chunk(#""m","messages""#)) }
            try await Self.areOwn(gateway)
            moment.come()
            #expect(try await running.answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a body that comes in crumbs is not looked at for each of them")
    func crumbs() {
        var beginning = BodyBeginning()
        let crumbs = Array(#"{"messages":""#.utf8) + [UInt8](repeating: 0x61, count: 20_000)
        let early = crumbs.compactMap { beginning.model(behind: [$0]) }
        #expect(early.isEmpty && beginning.looks < 64 && !beginning.isWhole)
        let name = beginning.model(behind: Array(#"","model":"m","#.utf8) + [UInt8](repeating: 0x20, count: 1024))
        #expect(name == "m")
    }
}
