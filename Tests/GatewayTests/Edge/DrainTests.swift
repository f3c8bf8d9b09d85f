import Gateway
import NIOCore
import PlimsollWire
import TestSupport
import Testing

/// The fixture stops its gateway as a second signal does: what runs is cut.
@Suite struct DrainTests {
    @Test func aStreamThatIsCutIsToldAndNotBilled() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.token("a"))] }
        var clients: [TestClient] = []
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            clients.append(client)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"a""#) }
        }
        let answer = try await #require(clients.first).answer()
        #expect(answer.contains(#""code":"shutting_down""#) && !answer.contains("[DONE]"))
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
        #expect(records.map(\.billableCompletionTokens) == [0])
    }

    @Test func aRequestWithoutAnAnswerIsToldThatTheGatewayStops() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        var clients: [TestClient] = []
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            clients.append(client)
            try await client.post(Samples.request)
            try await until { !runtime.seen.requests.isEmpty }
        }
        let answer = try await #require(clients.first).answer()
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains(#""code":"shutting_down""#))
        #expect(answer.contains("\r\nretry-after: 1\r\n"))
        #expect(records.map(\.outcome) == ["bad:5xx"])
        #expect(records.map(\.billablePromptTokens) == [0])
    }

    @Test func aBodyThatIsBeingSentIsRefused() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        var clients: [TestClient] = []
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            clients.append(client)
            try await client.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n")
            try await client.receive { $0.contains("100 Continue\r\n\r\n") }
            client.clear()
        }
        let answer = try await #require(clients.first).answer()
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains(#""code":"shutting_down""#))
        #expect(records.isEmpty)
    }
}
