import Gateway
import HTTPWire
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@Suite struct BadInputTests {
    private func ask(_ body: String, _ setup: GatewayFixture.Setup = GatewayFixture.Setup(), path: String = "/v1/chat/completions") async throws
        -> String
    {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var answer = ""
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body, path: path)
            answer = try await client.answer()
        }
        #expect(records.isEmpty)
        #expect(runtime.seen.requests.isEmpty)
        return answer
    }

    @Test(arguments: [
        ("{", 400, "invalid_json", "null"), (#"{"model":"m","model":"m"}"#, 400, "duplicate_key", #""model""#),
        (#"{"model":"m","messages":[{"role":"user","content":"hi","role":"system"}]}"#, 400, "duplicate_key", #""messages""#),
        (#"{"model":"m","messages":[{"role":"user"}],"stream":1}"#, 400, "invalid_type", #""stream""#),
        (#"{"model":"m"}"#, 400, "missing_required_parameter", #""messages""#),
        (#"{"model":"none","messages":[{"role":"user"}]}"#, 404, "model_not_found", #""model""#),
        (#"{"model":"m","messages":[{"role":"user"}],"max_tokens":101}"#, 400, "max_tokens_too_large", #""max_tokens""#),
        (#"{"model":"m","messages":[{"role":"\#(String(repeating: "x", count: 5000))"}]}"#, 400, "prompt_too_long", #""messages""#),
        (#"{"model":"m","messages":[{"role":"\#(String(repeating: "x", count: 9000))"}]}"#, 413, "request_too_large", "null"),
        (#"{"model":"other","messages":[{"role":"user"}]}"#, 503, "no_worker_available", "null"),
    ])
    func badBodiesAreRefusedBeforeAnythingIsAsked(_ body: String, _ status: Int, _ code: String, _ param: String) async throws {
        let answer = try await ask(body)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains(#""code":"\#(code)""#))
        #expect(answer.contains(#""param":\#(param)"#))
        #expect(answer.contains("\r\nx-request-id: "))
    }

    /// As deep as may be.
    private static let deep: String = String(repeating: #"[{"k":"#, count: 31) + #"{"a":1,"a":2}"# + String(repeating: "}]", count: 31)

    private static let twice: [String] = [
        #""x":{"a":1,"a":2}"#, #""x":[[{"a":{"b":1,"c":[{}],"b":2}}]]"#, #""x":{"\u00e9":1,"é":2}"#, #""x":{"":1,"":2}"#,
        #""tools":[{"type":"function","name":"f","function":{"name":"f","parameters":{"type":"object","type":"string"}}}]"#,
        #""x":\#(deep)"#,
    ]

    /// Who takes the first of two and who takes the last would not see the same request.
    @Test(arguments: ["/v1/chat/completions", "/v1/responses", "/v1/messages"], twice)
    func aKeyThatStandsTwiceIsRefusedAtAnyDepth(_ path: String, _ member: String) async throws {
        let prompt = path == "/v1/responses" ? #""input":"hi""# : #""messages":[{"role":"user","content":"hi"}],"max_tokens":9"#
        let answer = try await ask(#"{"model":"m",\#(prompt),\#(member)}"#, path: path)
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""code":"duplicate_key""#), "\(answer)")
    }

    /// Texts that end elsewhere for a careless reader, and would hold another request then; in short bodies and in those that are read aside.
    @Test(arguments: [1, 300_000]) func whatWasCheckedIsWhatIsForwarded(_ padding: Int) async throws {
        var setup = GatewayFixture.Setup()
        (setup.tier.maxBodyBytes, setup.tier.maxPromptTokens) = (1 << 20, 1 << 20)
        setup.edit = { $0.models["m"]?.contextTokens = 0 }
        let text = #"\u0022,\"model\":\"other\",\"n\":9 \ud83d\ude00 \\\"}],\u007d\#(String(repeating: "x", count: padding))"#
        let kept = #""messages" : [ { "content":"\#(text)", "role" :"user"} ] , "logit_bias":{"7":-1.50}, "seed":7 }"#
        let body = #"{ "stream" : false,"\u006dodel":"m","priority":{"model":"other"},\#(kept)"#
        let call = try await APICall.make("/v1/chat/completions", body, reply: Answers.json(Samples.answer), setup: setup)
        #expect(call.status == "200")
        #expect(Array(call.sent.utf8.suffix(kept.utf8.count)) == Array(kept.utf8), "\(call.sent.prefix(500))")
        // In front of it stands what policy says, and nothing else.
        let front = call.sent.utf8.dropLast(kept.utf8.count).filter { $0 != UInt8(ascii: " ") }
        let said = #"{"model":"m","cache_salt":"5a17","max_tokens":"#
        #expect(front.starts(with: said.utf8) && front.last == UInt8(ascii: ","), "\(call.sent.prefix(500))")
        #expect(front.dropFirst(said.utf8.count).dropLast().allSatisfy { (0x30...0x39).contains($0) }, "\(call.sent.prefix(500))")
    }

    @Test func aKeyUsesOnlyItsModels() async throws {
        var setup = GatewayFixture.Setup()
        setup.keyModels = ["other"]
        #expect(try await ask(Samples.request, setup).hasPrefix("HTTP/1.1 404"))
    }

    @Test func aKeyIsShownOnlyItsModels() async throws {
        for (models, shown) in [(["other"], ["other"]), (nil, ["m", "other"])] as [([String]?, [String])] {
            var setup = GatewayFixture.Setup()
            setup.keyModels = models
            try await GatewayFixture.run([], setup) { gateway in
                for fields in ["", "anthropic-version: 2023-06-01\r\n"] {
                    let client = try await TestClient(port: gateway.port)
                    try await client.send("GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\(fields)\r\n")
                    let answer = try await client.answer()
                    let body = answer[try #require(answer.firstRange(of: "\r\n\r\n")).upperBound...]
                    let listed = try JSONValue.parse(String(body))["data"]?.array?.compactMap { $0["id"]?.string } ?? []
                    #expect(listed.sorted() == shown)
                    client.clear()
                    try await client.send("GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\(fields)\r\n")
                    #expect(try await client.answer().hasPrefix(shown.contains("m") ? "HTTP/1.1 200 " : "HTTP/1.1 404 "))
                    try await client.close()
                }
            }
        }
    }

    @Test func unknownRevokedExpiredAndMissingKeysHaveOneBody() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            var bodies: Set<String> = []
            for key in ["sk-unknown", "sk-expired", "pls_live_wrongchecksum", nil] as [String?] {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request, key: key)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 401"))
                bodies.insert(String(answer[try #require(answer.firstRange(of: "\r\n\r\n")).upperBound...]))
                try await client.close()
            }
            #expect(bodies.count == 1)
        }
    }

    @Test(arguments: [
        ("GET /v1/chat/completions", 405), ("DELETE /v1/models", 405), ("GET /v2", 404), ("POST /admin", 404), ("GET /v1/models/none", 404),
    ])
    func otherPathsAndMethodsAreRefused(_ line: String, _ status: Int) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("\(line) HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\n\r\n")
            #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            client.clear()
            try await client.send("GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            #expect(try await client.answer().contains(#""id":"m","object":"model""#))
        }
    }

    @Test func requestsAMinuteAreLimitedWithTheTimeToWait() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 2
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for status in [200, 200, 429] {
                client.clear()
                try await client.post(Samples.request)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"))
                if status == 429 {
                    #expect(answer.contains("\r\nretry-after: ") && answer.contains("rate_limit_exceeded"))
                    #expect(answer.contains("Too many requests a minute for this account."))
                }
            }
        }
        #expect(records.count == 2)
    }

    @Test func concurrentRequestsAreLimited() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.concurrentRequests = 1
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let first = try await TestClient(port: gateway.port)
            try await first.post(Samples.request)
            while runtime.seen.requests.isEmpty { await Task.yield() }
            let second = try await TestClient(port: gateway.port)
            try await second.post(Samples.request)
            #expect(try await second.answer().contains("too_many_concurrent_requests"))
            try await first.close()
            while runtime.seen.open > 0 { await Task.yield() }
        }
    }

    @Test func aReservationIsSettledByWhatWasUsed() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerMinute = 150
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            // Each reserves 109 of 150 and uses 12: without settling, the second one would be refused.
            var served = 0
            var answer = ""
            while served < 20 {
                client.clear()
                try await client.post(Samples.request)
                answer = try await client.answer()
                guard answer.hasPrefix("HTTP/1.1 200") else { break }
                served += 1
            }
            #expect(served >= 3)
            #expect(answer.contains("tokens_per_minute_exceeded"))
        }
    }

    @Test(arguments: [
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\ntransfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.0\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nhost: u\r\n\r\n", "POST /v1/chat/completions HTTP/1.1\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\nhost: t\n\n", "GET / HTTP/1.1\r\nhost: t\r\nx: a\rb\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ])
    func smugglingIsAnsweredWith400AndTheEndOfTheConnection(_ bytes: String) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(bytes + "GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            let answer = try await client.untilClosed()
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(answer.contains("connection: close"))
            #expect(!answer.contains("HTTP/1.1 200"))
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    @Test(arguments: [("gzip", 415), ("br", 415), ("gzip, identity", 415), ("IDENTITY", 200)])
    func compressedBodiesAreRefusedUnread(_ coding: String, _ status: Int) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request, fields: "content-encoding: \(coding)\r\n")
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("unsupported_content_encoding") == (status == 415))
        }
    }

    @Test func aSlowHeadIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        // Counts from the accept: a busy machine must not take it all before the first byte.
        setup.settings.headTime = 8
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("POST /v1/chat")
            let answer = try await client.untilClosed()
            #expect(answer.hasPrefix("HTTP/1.1 408") && answer.contains(#""code":"request_timeout","retryable":true"#))
        }
    }

    private static let models = "GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"

    @Test func aSlowHeadBehindAnAnswerIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.headTime = 8
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(Self.models)
            _ = try await client.answer()
            client.clear()
            let began = ContinuousClock.now
            try await client.send("POST /v1/chat")
            #expect(try await client.untilClosed().hasPrefix("HTTP/1.1 408"))
            #expect(began.duration(to: .now) < .seconds(40), "not what it may be idle for")
        }
    }

    @Test func aHeadHasItsTimeHoweverLongTheClientWasIdle() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.idleTime = 9
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(Self.models)
            _ = try await client.answer()
            client.clear()
            try await client.send(String(Self.models.prefix(20)))
            // Another client is closed when it has been idle for as long as one may.
            let clock = try await TestClient(port: gateway.port)
            try await clock.send(Self.models)
            _ = try await clock.untilClosed()
            try await client.send(String(Self.models.dropFirst(20)))
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func aBodyThatDripsIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.bodyTotalTime = 1
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-test\r\ncontent-length: 4000\r\n\r\n")
            try await until {
                // Fails once it is given up.
                try? await client.send(" ")
                return gateway.metric(#"plimsoll_gateway_refused_total{status="408"}"#) == "1"
            }
        }
        #expect(runtime.seen.requests.isEmpty)
    }
}
