import Domain
import NIOCore
import NIOHPACK
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("The region that answers, where it is not the gateway's own")
struct ServedRegionTests {
    private func setup(region: String) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            for index in table.workers.indices { table.workers[index].region = region }
        }
        return setup
    }

    private func answer(_ gateway: GatewayFixture, _ body: String) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        try await client.post(body)
        return try await client.answer()
    }

    @Test("an answer from another region names it, whole and streamed; one from here names none", arguments: ["default", "elsewhere"])
    func names(region: String) async throws {
        let runtime = try await ScriptedRuntime { _, request in
            [.send(request.contains(#""stream":true"#) ? Samples.wholeStream : Answers.json(Samples.answer))]
        }
        try await GatewayFixture.run([runtime], setup(region: region)) { gateway in
            for body in [Samples.request, Samples.stream] {
                let told = try await answer(gateway, body)
                #expect(told.hasPrefix("HTTP/1.1 200"))
                #expect(told.contains("\r\nx-plimsoll-served-region: elsewhere\r\n") == (region == "elsewhere"))
                #expect(told.contains("x-plimsoll-served-region") == (region == "elsewhere"))
            }
        }
    }

    /// Another worker, of another region, may still answer then.
    @Test("a stream whose head had to go before it is known who answers names none")
    func namesNobodyTooSoon() async throws {
        let moment = ScriptedMoment()
        let runtime = try await ScriptedRuntime { _, _ in [moment.step, .send(Samples.wholeStream)] }
        var setup = setup(region: "elsewhere")
        setup.settings.headHoldTime = 1
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(": keep-alive\n\n") }
            moment.come()
            let told = try await client.answer()
            #expect(told.contains("[DONE]") && !told.contains("x-plimsoll-served-region"))
        }
    }

    @Test("the longest head of a stream has room, in HTTP/1.1 and HTTP/2")
    func longest() {
        let model = String(repeating: "m", count: 127)
        let region = String(repeating: "r", count: 63)
        let most = Int64.max - 999
        let standing = LimitStanding(
            requestLimit: most, requestsLeft: most, requestReset: most, tokenLimit: most, tokensLeft: most, tokenReset: most)
        var head = AnswerHead(status: 200, requestId: RequestId(high: 1, low: 2), isEventStream: true, standing: standing)
        head.shape = .anthropic
        head.holdsSecret = true
        head.servedModel = model
        head.servedRegion = region
        var out = ByteBuffer()
        head.write(.chunked, keepAlive: false, strictTransport: .max, to: &out)
        let text = String(buffer: out)
        #expect(text.contains("x-plimsoll-served-model: \(model)\r\nx-plimsoll-served-region: \(region)\r\n"))
        #expect(text.hasSuffix("transfer-encoding: chunked\r\nconnection: close\r\n\r\n"))
        let fields = head.fields(length: nil, strictTransport: .max, using: &out)
        #expect(fields["x-plimsoll-served-region"] == [region])
    }
}
