import Domain
import Gateway
import NIOCore
import NIOPosix
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@Suite struct FailureTests {
    /// A runtime that fails its first request of all and answers afterwards; whichever of the two is asked first fails.
    private func pair(_ failing: [ScriptedRuntime.Step], good: String) async throws -> [ScriptedRuntime] {
        let first = FirstOnly()
        let script: ScriptedRuntime.Script = { _, _ in first.take() ? failing : [.send(good)] }
        return [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
    }

    private static let failures: [[ScriptedRuntime.Step]] = [
        [.close], [.reset], [.send(Answers.json("{}", status: "503 Service Unavailable"))], [.send(Answers.json("{}", status: "500 Oops"))],
        [.send("garbage\r\n\r\n")], [.send(Answers.streamHead + Samples.role), .close],
        [.send(Answers.streamHead + Answers.event(#"{"error":{"code":503,"message":"x"}}"#) + Answers.streamEnd)],
        [.send(Answers.streamHead + Answers.event("no json") + Answers.streamEnd)], [.send(Answers.streamHead + Samples.done + Answers.streamEnd)],
        [.send("HTTP/1.1 200 OK\r\nplimsoll-refusal: draining\r\ncontent-length: 0\r\n\r\n")],
    ]

    @Test(arguments: failures.indices)
    func aFailureBeforeTheFirstTokenIsNotSeenByTheClient(_ index: Int) async throws {
        let runtimes = try await pair(Self.failures[index], good: Samples.wholeStream)
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains("[DONE]"))
            #expect(!answer.contains("error"))
        }
        #expect(records.count == 1)
        #expect(records.first?.outcome == "good")
        #expect(records.first?.attempts == 2)
    }

    @Test(
        arguments: [([.close], "reroute"), ([.send(Answers.json("{}", status: "503 Service Unavailable"))], "retry")]
            as [([ScriptedRuntime.Step], String)])
    func aSecondAttemptIsToldWithItsReason(_ failing: [ScriptedRuntime.Step], _ reason: String) async throws {
        let records = try await GatewayFixture.run(try await pair(failing, good: Samples.wholeStream)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("[DONE]"))
        }
        let told = records.compactMap(\.account).flatMap(\.attempts)
        #expect(told.map(\.reason) == ["first", reason] && told.map(\.result) == ["failed", "answered"])
    }

    @Test(arguments: [[ScriptedRuntime.Step.send("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"), .close], [.send(Answers.json("no json"))]])
    func anAnswerThatIsNotStreamedIsReroutedUntilItIsComplete(_ failing: [ScriptedRuntime.Step]) async throws {
        let records = try await GatewayFixture.run(try await pair(failing, good: Answers.json(Samples.answer))) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().hasSuffix(Samples.answer))
        }
        #expect(records.map(\.attempts) == [2])
    }

    @Test func wantOfAHostThatTakesRequestsIsNoFailureOfTheModel() async throws {
        let refusing = try await ScriptedRuntime { _, _ in [.send("HTTP/1.1 200 OK\r\nplimsoll-refusal: draining\r\ncontent-length: 0\r\n\r\n")] }
        let records = try await GatewayFixture.run([refusing]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.contains("\r\nretry-after: 1\r\n"))
            #expect(answer.contains(#""code":"no_worker_available""#))
        }
        #expect(records.map(\.outcome) == ["bad:5xx"])
    }

    /// A worker that fails at once is always idle: without a rest it would be chosen before the one that works.
    @Test(arguments: [Answers.json("{}", status: "503 Service Unavailable"), Answers.json("no json")])
    func aWorkerThatOnlyFailsIsLeftAlone(_ failure: String) async throws {
        let failing = try await ScriptedRuntime { _, _ in [.send(failure)] }
        let good = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([failing, good]) { gateway in
            for _ in 0..<60 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                try await client.close()
            }
        }
        #expect(records.count == 60)
        #expect(failing.seen.requests.count < 10)
    }

    private static let cuts: [[ScriptedRuntime.Step]] = [
        [.close], [.reset], [.send(Answers.event(#"{"error":{"code":500,"message":"CUDA at /host"}}"#))], [.send("zz\r\n")],
        [.send(Answers.streamEnd)],
    ]

    @Test(arguments: cuts.indices)
    func aStreamThatIsCutEndsWithAnErrorEventAndNoDone(_ index: Int) async throws {
        let cut = Self.cuts[index]
        let sent = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.token("a")), .after(sent.futureResult)] + cut }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"a""#) }
            sent.succeed()
            let answer = try await client.answer()
            #expect(answer.contains(#""code":"stream_interrupted""#))
            #expect(!answer.contains("[DONE]") && !answer.contains("CUDA"))
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
        #expect(records.map(\.billableCompletionTokens) == [0])
    }

    private static let dialects = [
        StreamDialect(path: "/v1/chat/completions", body: Samples.stream, errors: [#"data: {"error":{"#]),
        StreamDialect(
            path: "/v1/completions", body: #"{"model":"m","prompt":"hi","stream":true}"#,
            token: Answers.event(#"{"model":"m","choices":[{"index":0,"text":"a","finish_reason":null}]}"#), errors: [#"data: {"error":{"#]),
        StreamDialect(
            path: "/v1/responses", body: #"{"model":"m","input":"hi","stream":true}"#, errors: ["event: response.failed\n", "event: error\n"]),
        StreamDialect(
            path: "/v1/messages", body: #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
            errors: ["event: error\n", #"data: {"type":"error","error":{"#]),
    ]

    @Test(arguments: dialects, cuts.indices)
    func aStreamThatIsCutSaysSoInEveryAPI(_ dialect: StreamDialect, _ index: Int) async throws {
        let (sent, cut) = (ScriptedMoment(), Self.cuts[index])
        defer { sent.come() }
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + dialect.token), sent.step] + cut }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(dialect.body, path: dialect.path)
            let begun = try await client.receive { $0.contains(#""a""#) }
            #expect(begun.hasPrefix("HTTP/1.1 200 ") && !begun.contains("error\n"))
            sent.come()
            let answer = try await client.answer()
            for text in dialect.errors + ["stream_interrupted"] { #expect(answer.contains(text), "\(text): \(answer)") }
            for text in ["[DONE]", "message_stop", "response.completed", "finish_reason\":\"", "CUDA"] {
                #expect(!answer.contains(text), "\(answer)")
            }
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"] && records.map(\.errorCode) == ["stream_interrupted"])
        #expect(records.map(\.billablePromptTokens) == [0] && records.map(\.billableCompletionTokens) == [0])
    }

    /// Names, addresses, versions and code of a host, as runtimes tell them in errors of every shape; and what the table calls it.
    private static let hostWords = [
        "CUDA", "/srv", "model.py", "vLLM", "0.9.1", "gpu-7", "10.1.2.3", "Traceback", "worker-0", "host-0", "provider-0",
    ]
    private static let confession =
        #"CUDA error at /srv/model.py line 81 of vLLM 0.9.1 on gpu-7.internal (10.1.2.3:8000)\nTraceback (most recent call last):\n  File"#
    private static let confessions = [
        #"{"error":{"message":"\#(confession)","type":"/srv/InternalServerError","param":"gpu-7","code":500}}"#,
        #"{"object":"error","message":"\#(confession)","type":"vLLM","param":null,"code":400}"#,
        #"{"error":"\#(confession)","error_type":"vLLM"}"#, #"{"detail":[{"loc":["body","/srv"],"msg":"\#(confession)"}]}"#,
        "<html><title>gpu-7</title>\(confession)</html>",
    ]

    /// Whole answers with fields of the host's own, and for a status that is none of an error also events of a stream.
    private static func replies(_ status: String) -> [String] {
        let fields = "server: vLLM 0.9.1\r\nx-served-by: gpu-7.internal\r\nvia: 1.1 gpu-7\r\n"
        let whole = confessions.map { Answers.json($0, status: status).replacing("content-type:", with: fields + "content-type:") }
        let streamed = confessions.map { Answers.streamHead + Answers.event($0) + Answers.streamEnd }
        return status == "200 OK" ? whole + streamed : whole
    }

    @Test(arguments: dialects, ["200 OK", "400 vLLM says no", "404 gpu-7", "422 /srv", "500 CUDA", "503 10.1.2.3"])
    func nothingOfAHostIsInAnError(_ dialect: StreamDialect, _ status: String) async throws {
        let replies = Self.replies(status).flatMap { [$0, $0] }
        let runtime = try await ScriptedRuntime { number, _ in [.send(replies[number % replies.count])] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            for number in replies.indices {
                let client = try await TestClient(port: gateway.port)
                let body = number % 2 == 0 ? dialect.body : dialect.body.replacing(#""stream":true"#, with: #""stream":false"#)
                try await client.post(body, path: dialect.path)
                let answer = try await client.answer()
                #expect(["HTTP/1.1 4", "HTTP/1.1 5"].contains { answer.hasPrefix($0) } && answer.contains(#""code":""#), "\(answer)")
                for word in Self.hostWords { #expect(!answer.contains(word), "\(word): \(answer)") }
                try await client.close()
            }
        }
        #expect(records.count == replies.count && records.allSatisfy { $0.outcome != "good" })
    }

    @Test func aStreamThatSaidWhyItEndedIsCompleteWithoutDone() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.token("a") + Samples.stop), .close] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("[DONE]"))
        }
        #expect(records.map(\.outcome) == ["good"])
        #expect(records.first?.estimated == true)
    }

    @Test func aSilentRuntimeIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.firstTokenTime = 1
        let runtime = try await ScriptedRuntime { _, _ in [] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 504"))
        }
        #expect(records.map(\.errorCode) == ["upstream_timeout"])
    }

    @Test func aRuntimeThatFallsSilentInTheMiddleIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.interTokenTime = 1
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.token("a"))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("stream_interrupted"))
            try await until { runtime.seen.open == 0 }
        }
    }

    /// Bytes without the end of an event keep no stream alive.
    @Test func aRuntimeThatDripsAnEndlessLineIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.interTokenTime = 1
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let runtime = try await ScriptedRuntime { _, _ in
            let drops = (1...40).flatMap { drop -> [ScriptedRuntime.Step] in
                [.after(loop.scheduleTask(in: .milliseconds(Int64(drop) * 300)) {}.futureResult), .send(Answers.chunk("d"))]
            }
            return [.send(Answers.streamHead + Samples.token("a"))] + drops
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains("stream_interrupted"))
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
    }

    @Test func aStormOf503IsNotAnsweredWithAStormOfRetries() async throws {
        let script: ScriptedRuntime.Script = { _, _ in [.send(Answers.json("{}", status: "503 Service Unavailable"))] }
        let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<20 {
                client.clear()
                try await client.post(Samples.request)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 503"))
            }
        }
        // 20 requests and the two retries that a budget of a tenth, at least two, allows.
        // (A slow machine may see a further slot of the budget's ten seconds begin.)
        #expect((22...24).contains(runtimes.map(\.seen.requests.count).reduce(0, +)))
        // What was not tried elsewhere is on the account of the worker that failed.
        for record in records where record.attempts == 1 {
            let index = try #require(record.worker.flatMap { Int($0.dropFirst("worker-".count)) })
            #expect(runtimes[index].seen.requests.contains { $0.contains(record.requestId) })
        }
    }

    @Test func aClientThatLeavesFreesTheSlotAndPaysForWhatItGot() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.token("a") + Samples.token("b"))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"b""#) }
            try await client.close()
            while runtime.seen.open > 0 { await Task.yield() }
        }
        #expect(records.map(\.outcome) == ["excluded:client_abort"])
        #expect(records.map(\.billableCompletionTokens) == [2])
        // Nobody has told how long the prompt is: less than any tokenizer would make of it.
        #expect(records.map(\.billablePromptTokens) == [#"[{"role":"user","content":"hi"}]"#.utf8.count / 6])
    }

    /// A connect to a unix socket that is not there fails before it returns; the request must not lose track of its second attempt.
    @Test func aRuntimeThatIsGoneLeavesOneRecordAndNothingOpen() async throws {
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.workers[0].url = "unix:/nowhere/runtime.sock"
            table.workers[1].weight = 1
        }
        let runtime = try await ScriptedRuntime { _, _ in [] }
        let records = try await GatewayFixture.run([try await ScriptedRuntime { _, _ in [] }, runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            try await until { !runtime.seen.requests.isEmpty }
            try await client.close()
            try await until { runtime.seen.open == 0 }
            #expect(gateway.metric("plimsoll_gateway_requests_in_flight") == "0")
        }
        #expect(records.map(\.attempts) == [2])
        #expect(records.map(\.worker) == ["worker-1"])
    }

    @Test func aClientThatLeavesBeforeItsAnswerFreesTheSlotToo() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            while runtime.seen.requests.isEmpty { await Task.yield() }
            try await client.close()
            while runtime.seen.open > 0 { await Task.yield() }
        }
        #expect(records.map(\.status) == [499])
        #expect(records.map(\.billablePromptTokens) == [0])
    }
}

/// True once.
private final class FirstOnly: Sendable {
    private let isTaken = Atomic<Bool>(false)

    func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
}

/// How a stream is asked for in one of the APIs, and told there.
struct StreamDialect: Sendable, CustomTestStringConvertible {
    var path: String
    var body: String
    /// One token as the runtime says it.
    var token = Samples.token("a")
    /// How an error within a stream is told.
    var errors: [String]

    var testDescription: String { path }
}
