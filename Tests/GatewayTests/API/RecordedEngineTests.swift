import Gateway
import HTTPWire
import Logging
import PlimsollWire
import SimulatedRuntime
import TestSupport
import Testing

/// What vLLM, SGLang, llama.cpp and TGI write, played by the simulated runtime and told in each of the three APIs.
@Suite struct RecordedEngineTests {
    struct API: Sendable, CustomTestStringConvertible {
        var path: String
        var field: String
        var testDescription: String { path }

        func request(_ recording: String, streams: Bool, gap: Duration = .zero) -> String {
            let prompt = "[[play \(recording)]]"
            let asked = field == "input" ? #""\#(prompt)""# : #"[{"role":"user","content":"\#(prompt)"}]"#
            let cap = path == "/v1/messages" ? #","max_tokens":99"# : ""
            return #"{"model":"m","\#(field)":\#(asked),"stream":\#(streams)\#(cap)}"#
        }
    }

    private static let apis = [
        API(path: "/v1/chat/completions", field: "messages"), API(path: "/v1/responses", field: "input"),
        API(path: "/v1/messages", field: "messages"),
    ]

    /// What engines add for whoever runs them.
    private static let hosts = [
        "weight_version", "sglext", "kv_transfer_params", "ec_transfer_params", "prompt_token_ids", "prompt_logprobs", "prompt_text",
        "token_ids", "routed_experts", "metrics", "timings", "hidden_states",
    ]

    /// Billed tokens of the prompt and the answer.
    private static let whole: [(String, Int, Int)] = [
        ("vllm-tools", 212, 41), ("vllm-reasoning", 18, 9), ("vllm-both-reasonings", 18, 9), ("vllm-logprobs", 11, 3),
        ("vllm-continuous-usage", 11, 3), ("sglang-tools", 230, 38),
        ("sglang-reasoning", 18, 9), ("sglang-stop-sequence", 12, 2), ("llamacpp-tools", 180, 36), ("llamacpp-reasoning", 18, 9),
        ("llamacpp-logprobs", 11, 2), ("tgi-tools", 120, 20),
    ]

    /// Each recording through one API; gives the body and the record.
    private func play(_ recording: String, _ api: API, streams: Bool, gap: Duration = .zero) async throws -> (answer: String, record: UsageRecord?) {
        let isLlama = recording.hasPrefix("llamacpp")
        var settings = SimulationSettings(dialect: isLlama ? .llamacpp : .vllm, model: "m")
        settings.firstToken = .milliseconds(1)
        settings.tokenGap = gap
        let runtime = SimulatedRuntime(settings: settings, listen: .loopback(port: 0), logger: Logger(label: "test"), onCrash: {})
        let running = try await runtime.start()
        var setup = GatewayFixture.Setup()
        let port = running.port ?? 0
        setup.edit = { table in
            table.workers = [
                WorkerEntry(
                    id: "w", host: "h", provider: "p", pool: "p", region: "default", model: "m", release: "r", dialect: isLlama ? .llamacpp : .vllm,
                    link: .direct,
                    url: "http://127.0.0.1:\(port)", draining: false, slots: 4, contextTokens: 0, weight: 1_000_000)
            ]
        }
        var answer = ""
        let records = try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(api.request(recording, streams: streams), path: api.path)
            answer = try await client.answer()
        }
        await running.stop()
        return (answer, records.count == 1 ? records.first : nil)
    }

    @Test(arguments: apis, whole.indices)
    func everyAnswerIsToldAndBilledInEveryAPI(_ api: API, _ index: Int) async throws {
        let (recording, prompt, completion) = Self.whole[index]
        for streams in [true, false] {
            let (answer, record) = try await play(recording, api, streams: streams)
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(!answer.contains("timings") && !answer.contains(#""model":"recorded""#) && !answer.contains(#""error":{"#))
            for name in Self.hosts { #expect(!answer.contains("\"\(name)\""), "\(name)") }
            #expect(record?.outcome == "good")
            #expect(try #require(record).billablePromptTokens == prompt && record?.billableCompletionTokens == completion)
        }
    }

    @Test(arguments: apis, ["vllm-error", "sglang-abort", "tgi-error"])
    func aStreamThatBreaksSaysSoInEveryAPI(_ api: API, _ recording: String) async throws {
        // What one read brings is judged as a whole: the break must come behind a token that was sent on.
        let (answer, record) = try await play(recording, api, streams: true, gap: .milliseconds(100))
        #expect(answer.contains("one") && answer.contains("stream_interrupted"))
        for secret in ["EngineCore", "CANCELLED", "[DONE]", "message_stop", "response.completed"] { #expect(!answer.contains(secret)) }
        #expect(record?.outcome == "bad:stream_broken" && record?.billableCompletionTokens == 0)
    }

    @Test(arguments: apis, ["sglang-error", "llamacpp-error", "tgi-too-long"])
    func anErrorBeforeATokenHasItsStatusInEveryAPI(_ api: API, _ recording: String) async throws {
        for streams in [true, false] {
            let (answer, record) = try await play(recording, api, streams: streams)
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("context_length_exceeded") && !answer.contains("4096"))
            #expect(record?.outcome == "excluded:over_limit")
        }
    }

    @Test func usageThatIsMissingIsCountedAndMarked() async throws {
        for api in Self.apis {
            let (_, record) = try await play("tgi-no-usage", api, streams: true)
            #expect(record?.estimated == true && record?.billableCompletionTokens == 2)
        }
    }
}
