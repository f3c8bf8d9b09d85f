import Gateway
import NIOCore
import NIOHTTP2
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite struct HTTP2Tests {
    @Test func anAnswerComesInOnePieceAndAsAStream() async throws {
        let runtime = try await ScriptedRuntime { _, request in
            request.contains(#""stream":true"#) ? [.send(Samples.wholeStream)] : [.send(Answers.json(Samples.answer))]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.request)
            client.post(3, Samples.stream)
            let (whole, stream) = (try await client.answer(1), try await client.answer(3))
            #expect(whole.status == "200" && whole.body == Samples.answer)
            #expect(whole["content-length"] == "\(Samples.answer.utf8.count)" && whole["x-request-id"]?.count == 36)
            #expect(stream.status == "200" && stream["content-type"]?.hasPrefix("text/event-stream") == true)
            #expect(stream.body.hasSuffix("data: [DONE]\n\n") && stream.body.contains(#""content":"b""#))
            #expect(stream.reset == nil && whole.reset == nil)
        }
        #expect(records.map(\.outcome) == ["good", "good"])
    }

    @Test func modelsAreListedAndHeadHasNoBody() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.get(1, "/v1/models/m")
            client.get(3, "/v1/models", method: "HEAD")
            client.get(5, "/v2")
            client.get(7, "/v1/models", method: "DELETE")
            #expect(try await client.answer(1).body.contains(#""object":"model""#))
            let head = try await client.answer(3)
            #expect(head.status == "200" && head.body.isEmpty && head["content-length"] != nil)
            #expect(try await client.answer(5).status == "404")
            #expect(try await client.answer(7)["allow"] == "GET, HEAD")
        }
    }

    @Test func refusalsComeBeforeTheBodyHasBeenSent() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, "{", key: "sk-unknown", isEnd: false)
            client.post(3, "{", fields: [("content-length", "9000")], isEnd: false)
            client.post(5, String(repeating: " ", count: 9000), isEnd: false)
            client.post(7, "{", fields: [("content-encoding", "gzip")], isEnd: false)
            for (stream, status) in [(1, "401"), (3, "413"), (5, "413"), (7, "415")] {
                #expect(try await client.answer(stream).status == status)
                // Told that it need not go on.
                try await until { client.all.answers[stream]?.reset == .noError }
            }
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    @Test(arguments: [
        [("connection", "close")], [("Upper", "x")], [("te", "gzip")], [("host", "other")], [("content-length", "1, 1")],
        [("transfer-encoding", "chunked")],
    ])
    func malformedRequestsAreReset(_ fields: [(String, String)]) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.request, fields: fields)
            #expect(try await client.answer(1).reset == .protocolError)
            // The connection is still good.
            client.post(3, Samples.request)
            #expect(try await client.answer(3).status == "200")
        }
    }

    @Test func aBodyThatIsNotAsLongAsItSaidIsReset() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.request, fields: [("content-length", "5")])
            #expect(try await client.answer(1).reset == .protocolError)
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    @Test func aResetCancelsTheRequestAtTheRuntime() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token("a"))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.stream)
            try await until { client.all.answers[1]?.body.contains(#""a""#) ?? false }
            try await client.send(1, .rstStream(.cancel))
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.map(\.outcome) == ["excluded:client_abort"])
    }

    @Test func aConnectionThatEndsCancelsAllOfItsRequests() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token("a"))] }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            for stream in [1, 3, 5] { client.post(stream, Samples.stream) }
            try await until { client.all.answers.count == 3 }
            try await client.close()
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.count == 3 && records.allSatisfy { $0.outcome == "excluded:client_abort" })
    }

    @Test func aLargeBodyAndALargeAnswerPassTheWindows() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 4 << 20
        setup.tier.maxPromptTokens = 4 << 20
        setup.edit = { $0.models["m"]?.contextTokens = 0 }
        let large = Samples.answer.replacingHello(with: String(repeating: "y", count: 3 << 20))
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(large))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            let prompt = String(repeating: "x", count: 3 << 20)
            client.post(1, #"{"model":"m","messages":[{"role":"user","content":"\#(prompt)"}]}"#)
            #expect(try await client.answer(1).body.utf8.count == large.utf8.count)
        }
    }

    @Test func aStreamThatItsClientDoesNotReadIsGivenUpAlone() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.interTokenTime = 3
        let tokens = String(repeating: Samples.token(String(repeating: "x", count: 1000)), count: 2000)
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [.send(Answers.streamHead + tokens)] : [.send(Answers.json(Samples.answer))]
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await HTTP2Client(port: gateway.port, window: 10_000, givesWindow: false)
            client.post(1, Samples.stream)
            try await until { client.all.taken > 0 }
            client.post(3, Samples.request)
            #expect(try await client.answer(3).status == "200")
            #expect(try await client.answer(1).reset == .enhanceYourCalm)
            #expect(!client.all.isClosed)
        }
        #expect(Set(records.map(\.outcome)) == ["good", "excluded:client_abort"])
    }

    @Test func aBodyThatDripsIsGivenUp() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.bodyTime = 1
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, "{", isEnd: false)
            #expect(try await client.answer(1).status == "408")
        }
    }

    @Test func aDrainSaysGoAwayAndLetsRequestsEnd() async throws {
        var setup = GatewayFixture.Setup()
        setup.drains = true
        let gate = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { _, _ in
            let end = Samples.stop + Samples.done + Answers.streamEnd
            return [.send(Answers.streamHead + Samples.role + Samples.token("a")), .after(gate.futureResult), .send(end)]
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            client.post(1, Samples.stream)
            try await until { client.all.answers[1]?.body.contains(#""a""#) ?? false }
            await gateway.drain()
            try await until { client.all.goAway.count == 2 }
            gate.succeed()
            #expect(try await client.answer(1).body.hasSuffix("data: [DONE]\n\n"))
            try await until { client.all.isClosed }
            #expect(client.all.goAway == [.noError, .noError])
        }
        #expect(records.map(\.outcome) == ["good"])
    }

    /// The fixture stops its gateway as a second signal does: what runs is cut.
    @Test func theEndSaysGoAwayAndTellsWhatIsCut() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token("a"))] }
        var clients: [HTTP2Client] = []
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await HTTP2Client(port: gateway.port)
            clients.append(client)
            client.post(1, Samples.stream)
            client.post(3, "{", isEnd: false)
            try await until { client.all.answers[1]?.body.contains(#""a""#) ?? false }
        }
        let client = try #require(clients.first)
        #expect(try await client.answer(1).body.contains(#""code":"shutting_down""#))
        #expect(try await client.answer(3).body.contains(#""code":"shutting_down""#))
        try await until { client.all.isClosed }
        #expect(client.all.goAway.first == .noError)
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
    }
}

extension String {
    fileprivate func replacingHello(with text: String) -> String {
        guard let range = firstRange(of: "hello") else { return self }
        return self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
