import Domain
import Cryptography
import Gateway
import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite struct RelayTests {
    @Test func anAnswerGoesThroughAndIsRecordedOnce() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix(Samples.answer))
            for name in ["limit-requests: 1000", "limit-tokens: 1000000", "remaining-requests: 999"] {
                #expect(answer.contains("x-ratelimit-\(name)"))
            }
        }
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.outcome == "good")
        #expect(record.billablePromptTokens == 9)
        #expect(record.billableCompletionTokens == 3)
        #expect(record.finishReason == "stop")
        #expect(record.worker == "worker-0")
    }

    /// Between two tokens nothing may come for longer than proxies wait.
    @Test func aPauseBehindATokenIsFilledWithComments() async throws {
        let promise = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in
            [
                .send(Answers.streamHead + Samples.role + Samples.token("a")), .after(promise.futureResult),
                .send(Samples.token("b") + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd),
            ]
        }
        var setup = GatewayFixture.Setup()
        setup.settings.headHoldTime = 1
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let paused = try await client.receive { $0.contains(#""content":"a""#) && $0.contains(": keep-alive\n\n") }
            #expect(!paused.contains(#""content":"b""#))
            promise.succeed()
            let answer = try await client.answer()
            #expect(answer.contains(#""content":"b""#) && answer.contains("[DONE]"))
        }
        #expect(records.map(\.outcome) == ["good"])
    }

    @Test func theRequestIsEditedByPolicy() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.servedModel = "served"
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"user":"u","model":"m","messages":[{"role":"user","content":"hi"}],"priority":-9,"temperature":0.5}"#)
            _ = try await client.answer()
        }
        let sent = try #require(runtime.seen.requests.first)
        let body = String(sent[try #require(sent.firstRange(of: "\r\n\r\n")).upperBound...])
        #expect(body.hasPrefix(#"{"model":"served","cache_salt":"5a17","max_tokens":100,"#))
        #expect(body.contains(#""temperature":0.5"#))
        #expect(!body.contains("priority") && !body.contains(#""user":"u""#))
    }

    /// The role that comes first is no token. Until there is one the client is told that the gateway lives, and nothing else.
    @Test func theFirstTokenIsTheFirstContentBehindTheRole() async throws {
        let promise = ScriptedRuntime.promise()
        let runtime = try await ScriptedRuntime { _, _ in
            [
                .send(Answers.streamHead + Samples.role), .after(promise.futureResult),
                .send(Samples.token("a") + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd),
            ]
        }
        var setup = GatewayFixture.Setup()
        setup.settings.headHoldTime = 1
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let waiting = try await client.receive { $0.contains(": keep-alive\n\n") }
            #expect(waiting.hasPrefix("HTTP/1.1 200 ") && !waiting.contains("data:"))
            promise.succeed()
            let answer = try await client.answer()
            #expect(answer.contains(#""role":"assistant""#) && answer.contains(#""content":"a""#) && answer.contains("[DONE]"))
        }
        #expect(records.first?.account?.attempts.first?.firstTokenAfter ?? 0 >= 1_000_000)
        #expect(records.count == 1 && records.first?.firstTokenAfter ?? 0 >= 1_000_000)
    }

    /// Row 91 of the failure catalogue: what tells the caches of two tenants apart is the gateway's, the same for all keys and requests of a tenant,
    /// and nobody can ask for another one's.
    @Test(arguments: ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
    func eachTenantHasACacheOfItsOwn(path: String) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.tenants["tenant-2"] = TenantEntry(id: "tenant-2", tier: "pro", active: true, allowedRegions: [], cacheSalt: "0a0b")
            for (id, secret, tenant) in [("key-3", "sk-second", "tenant-1"), ("key-4", "sk-other", "tenant-2")] {
                let hash = Hash.sha256(secret).hex
                table.keys[hash] = KeyEntry(id: id, tenant: tenant, sha256Hex: hash)
            }
            if path == "/v1/embeddings" { table.models["m"]?.kind = .embedding }
        }
        try await GatewayFixture.run([runtime], setup) { gateway in
            for key in ["sk-test", "sk-second", "sk-other"] {
                for claim in ["", #""cache_salt":"0a0b","#, #""cache\u005fsalt":"0a0b","#, #""extra_body":{"cache_salt":"0a0b"},"#] {
                    let client = try await TestClient(port: gateway.port)
                    let text = path == "/v1/chat/completions" ? #""messages":[{"role":"user","content":"hi"}]"# : #""prompt":"hi","input":"hi""#
                    try await client.post(#"{"model":"m",\#(claim)\#(text)}"#, path: path, key: key)
                    _ = try await client.answer()
                    try await client.close()
                }
            }
        }
        let salts = try runtime.seen.requests.map { request in
            let body = request[try #require(request.firstRange(of: "\r\n\r\n")).upperBound...]
            return try JSONValue.parse(String(body))["cache_salt"]?.string
        }
        #expect(salts == Array(repeating: "5a17", count: 8) + Array(repeating: "0a0b", count: 4))
    }

    @Test func aServedNameIsNotShownToTheCustomer() async throws {
        let runtime = try await ScriptedRuntime { number, _ in
            [.send((number == 0 ? Answers.json(Samples.answer) : Samples.wholeStream).replacing(#""model":"m""#, with: #""model":"X""#))]
        }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().contains(#""model":"m""#))
            client.clear()
            try await client.post(Samples.stream)
            #expect(try await !client.answer().contains(#""model":"X""#))
        }
    }

    @Test func aStreamGoesThroughWithoutTheUsageThatNobodyAskedFor() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream)] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains(#""content":"a""#) && answer.contains(#""content":"b""#))
            #expect(answer.contains("data: [DONE]\n\n\r\n0\r\n\r\n"))
            #expect(!answer.contains("usage"))
        }
        #expect(runtime.seen.requests.first?.contains(#""stream_options":{"include_usage":true}"#) == true)
        #expect(records.map(\.billableCompletionTokens) == [2])
        #expect(records.first?.firstTokenAfter != nil)
    }

    @Test func usageIsGivenToAClientThatAsked() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Samples.wholeStream)] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(
                #"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#)
            #expect(try await client.answer().contains(#""usage":{"prompt_tokens":9"#))
        }
    }

    @Test func aStreamSplitAtEveryByteIsTheSame() async throws {
        let runtime = try await ScriptedRuntime { _, _ in Samples.wholeStream.map { .send(String($0)) } }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains(#""content":"b""#) && answer.contains("[DONE]") && !answer.contains("usage"))
        }
        #expect(records.map(\.completionTokens) == [2])
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let runtime = try await ScriptedRuntime { number, _ in [.send(Answers.json(Samples.answer.replacing("hello", with: "answer-\(number)")))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            let one = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-length: \(Samples.request.utf8.count)\r\n\r\n"
            try await client.send(String(repeating: one + Samples.request, count: 3))
            let text = try await client.receive { $0.contains("answer-2") }
            let first = try #require(text.firstRange(of: "answer-0")), second = try #require(text.firstRange(of: "answer-1"))
            #expect(first.lowerBound < second.lowerBound)
        }
        #expect(records.count == 3)
    }

    @Test func chunkedRequestBodiesAreTaken() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: bearer sk-test\r\ntransfer-encoding: chunked\r\n\r\n"
            try await client.send(head + Answers.chunk(String(Samples.request.prefix(20))))
            try await client.send(Answers.chunk(String(Samples.request.dropFirst(20))) + "0\r\n\r\n")
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func aHalfClosedClientIsStillAnswered() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            try await client.closeOutput()
            #expect(try await client.untilClosed().hasSuffix(Samples.answer))
        }
        #expect(records.map(\.outcome) == ["good"])
    }

    /// The last one has not come whole, and never will.
    @Test func whatAHalfClosedClientHasSentWholeIsAnswered() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [.after(gate.futureResult), .send(Answers.json(Samples.answer))] : [.send(Answers.json(Samples.answer))]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-length: \(Samples.request.utf8.count)\r\n\r\n"
            let models = "GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"
            try await client.send(head + Samples.request + models + head + Samples.request + head + "{")
            try await until { runtime.seen.requests.count == 1 }
            try await client.closeOutput()
            // The word that it is still there for its second half.
            try await client.receive { $0.contains("100 Continue") }
            gate.succeed()
            let answers = try await client.untilClosed()
            #expect(answers.ranges(of: "HTTP/1.1 200 ").count == 3 && answers.ranges(of: #""object":"model""#).count == 1, "\(answers)")
        }
        #expect(records.map(\.outcome) == ["good", "good"])
    }
}

@Suite struct SeveralAnswersTests {
    private static let pieces = [
        #"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[{"index":1,"delta":{"content":"x"}}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"b"}}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
        #"{"id":"c","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#,
    ]
    private static let stream = Answers.streamHead + pieces.map(Answers.event).joined() + Samples.done + Answers.streamEnd

    @Test func llamaCppIsAskedToStreamSeveralAnswersAndTheyAreAssembled() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Self.stream)] }
        var setup = GatewayFixture.Setup()
        setup.dialect = .llamacpp
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","messages":[{"role":"user","content":"hi"}],"n":2,"stream":false}"#)
            let answer = try await client.answer()
            #expect(answer.contains(#""content":"ab""#) && answer.contains(#""content":"x""#))
            #expect(answer.contains(#""prompt_tokens":9,"completion_tokens":3,"total_tokens":12"#))
        }
        #expect(runtime.seen.requests.first?.contains(#""stream":true"#) == true)
        #expect(records.map(\.billableCompletionTokens) == [3])
    }

    /// As llama.cpp's server answers `/v1/completions`: the tokens of each answer beside its end.
    private static let texts = [
        "null", #"{"id":"c","created":7,"model":"m","choices":[{"text":"a","index":1,"finish_reason":null}]}"#,
        #"{"id":"c","created":7,"model":"m","choices":[{"text":"b","index":0,"finish_reason":null}]}"#,
        #"{"choices":[{"text":"","index":1,"finish_reason":"length"}],"model":"m","usage":{"completion_tokens":40,"prompt_tokens":5,"total_tokens":45},"id":"c"}"#,
        #"{"choices":[{"text":"","index":0,"finish_reason":"length"}],"model":"m","usage":{"completion_tokens":39,"prompt_tokens":5,"total_tokens":44},"id":"c"}"#,
    ]

    @Test(arguments: [#""prompt":"hello","n":2"#, #""prompt":"hello","n":2,"stream":true,"stream_options":{"include_usage":true}"#])
    func everyAnswerOfACompletionIsBilledAndThePromptOnce(_ asked: String) async throws {
        let (answer, record) = try await complete(asked)
        #expect(answer.ranges(of: #""usage""#).count == 1)
        #expect(answer.contains(#""prompt_tokens":5,"completion_tokens":79,"total_tokens":84"#))
        #expect(record.billableCompletionTokens == 79 && record.billablePromptTokens == 5 && !record.estimated)
    }

    @Test(arguments: [#""prompt":["hello","hallo"]"#, #""prompt":["hello","hallo"],"stream":true,"stream_options":{"include_usage":true}"#])
    func everyPromptOfACompletionIsBilled(_ asked: String) async throws {
        let (answer, record) = try await complete(asked)
        #expect(answer.contains(#""prompt_tokens":10,"completion_tokens":79,"total_tokens":89"#))
        #expect(record.billableCompletionTokens == 79 && record.billablePromptTokens == 10)
    }

    private func complete(_ asked: String) async throws -> (String, UsageRecord) {
        let stream = Answers.streamHead + Self.texts.map(Answers.event).joined() + Samples.done + Answers.streamEnd
        let runtime = try await ScriptedRuntime { _, _ in [.send(stream)] }
        var setup = GatewayFixture.Setup()
        setup.dialect = .llamacpp
        var answer = ""
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m",\#(asked)}"#, path: "/v1/completions")
            answer = try await client.answer()
        }
        return (answer, try #require(records.first))
    }

    @Test func usageOfSeveralAnswersIsToldOnce() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Self.stream)] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(
                #"{"model":"m","messages":[{"role":"user"}],"n":2,"stream":true,"stream_options":{"include_usage":true}}"#)
            let answer = try await client.answer()
            #expect(answer.split(separator: "\n").count { $0.contains("usage") } == 1)
            #expect(answer.contains(#""completion_tokens":3"#))
        }
    }
}
