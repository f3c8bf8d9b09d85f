import HTTPWire
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// What becomes a part of the prompt beside the messages counts before a worker is asked, in every API.
@Suite struct PromptSizeTests {
    private static let paths = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]

    private static func setup(tokensPerMinute: Int = 10_000_000) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 4 << 20
        setup.tier.maxPromptTokens = 20_000
        setup.tier.tokensPerMinute = tokensPerMinute
        return setup
    }

    /// A request with one tool, of which the description has so many bytes.
    private static func request(_ path: String, describing bytes: Int) -> String {
        let text = String(repeating: "word ", count: bytes / 5)
        let schema = #"{"type":"object","properties":{"a":{"type":"string","description":"\#(text)"}}}"#
        switch path {
        case "/v1/responses":
            return #"{"model":"m","input":"hi","max_output_tokens":9,"tools":[{"type":"function","name":"f","parameters":\#(schema)}]}"#
        case "/v1/messages":
            let messages = #""messages":[{"role":"user","content":"hi"}]"#
            return #"{"model":"m",\#(messages),"max_tokens":9,"tools":[{"name":"f","input_schema":\#(schema)}]}"#
        default:
            let messages = #""messages":[{"role":"user","content":"hi"}]"#
            return #"{"model":"m",\#(messages),"max_tokens":9,"tools":[{"type":"function","function":{"name":"f","parameters":\#(schema)}}]}"#
        }
    }

    /// The second size is of those that another thread reads.
    @Test(arguments: paths, [100_000, 800_000])
    func toolsAreHeldToThePromptOfThePlan(_ path: String, _ bytes: Int) async throws {
        let call = try await APICall.make(path, Self.request(path, describing: bytes), reply: Answers.json(Samples.answer), setup: Self.setup())
        #expect(call.status == "400" && call.body.contains("prompt_too_long") && call.sent.isEmpty)
    }

    @Test(arguments: ["guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs"])
    func whatGuidesAnAnswerCountsAsItsFormatDoes(_ member: String) async throws {
        let text = String(repeating: "word ", count: 20_000)
        let body = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"\#(member)":{"a":"\#(text)"}}"#
        let call = try await APICall.make("/v1/chat/completions", body, reply: Answers.json(Samples.answer), setup: Self.setup())
        #expect(call.status == "400" && call.body.contains("prompt_too_long") && call.sent.isEmpty)
    }

    @Test(arguments: paths)
    func toolsAreReserved(_ path: String) async throws {
        for (limit, status) in [(9_900, "429"), (11_000, "200")] {
            let call = try await APICall.make(
                path, Self.request(path, describing: 40_000), reply: Answers.json(Samples.answer), setup: Self.setup(tokensPerMinute: limit))
            #expect(call.status == status && (status == "200" || call.body.contains("tokens_per_minute_exceeded")), "\(call.body)")
        }
    }

    @Test func toolsTakeRoomInTheCacheOfTheWorker() async throws {
        let first = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [.after(first.futureResult), .send(Answers.json(Samples.answer))] : [.send(Answers.json(Samples.answer))]
        }
        var setup = Self.setup()
        // Whoever waits is refused when its first token would be late: not while this test looks.
        setup.tier.ttftObjectiveMicroseconds = 60_000_000
        setup.edit = { table in (table.workers[0].slots, table.workers[0].kvTokens) = (8, 5_000) }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (running, waiting) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await running.post(Samples.request)
            try await until { runtime.seen.requests.count == 1 }
            try await waiting.post(Self.request("/v1/chat/completions", describing: 40_000))
            try await until {
                gateway.metric("plimsoll_gateway_queued_requests") == "1" || runtime.seen.requests.count == 2 || !waiting.received.isEmpty
            }
            #expect(runtime.seen.requests.count == 1 && waiting.received.isEmpty, "\(waiting.received)")
            first.succeed()
            #expect(try await running.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await waiting.answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func whatAnEstimatedPromptIsBilledCountsTools() async throws {
        let silent = Answers.json(Samples.answer.replacing(#","usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}"#, with: ""))
        let path = "/v1/chat/completions"
        let call = try await APICall.make(path, Self.request(path, describing: 40_000), reply: silent, setup: Self.setup())
        let billed = try #require(call.records.first)
        #expect((10_000...10_200).contains(billed.prompt) && billed.isEstimated)
    }

    @Test func aPictureIsNoTextOfItsSize() async throws {
        let picture = "data:image/png;base64," + String(repeating: "iVBORw0K", count: 125_000)
        let parts = #"[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"\#(picture)"}}]"#
        let chat = #"{"model":"m","messages":[{"role":"user","content":\#(parts)}]}"#
        let source = #"{"type":"base64","media_type":"image/png","data":"\#(picture.dropFirst(22))"}"#
        let message = #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":\#(source)}]}]}"#
        let item = #"{"role":"user","content":[{"type":"input_image","image_url":"\#(picture)"}]}"#
        let response = #"{"model":"m","input":[\#(item)]}"#
        var short = Self.setup()
        short.tier.maxPromptTokens = 1_000
        for (path, body) in zip(Self.paths, [chat, response, message]) {
            let call = try await APICall.make(path, body, reply: Answers.json(Samples.answer), setup: Self.setup())
            #expect(call.status == "200", "\(path) \(call.body)")
            let refused = try await APICall.make(path, body, reply: Answers.json(Samples.answer), setup: short)
            #expect(refused.body.contains("prompt_too_long"), "\(path) \(refused.body)")
        }
    }
}
