import PlimsollWire
import Testing

@testable import Agent

@Suite("A runtime's metrics page in our words")
struct MetricPageTests {
    /// As llama.cpp's server answers, build 11549.
    private static let llamacpp = """
        # HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
        # TYPE llamacpp:prompt_tokens_total counter
        llamacpp:prompt_tokens_total 32
        # HELP llamacpp:tokens_predicted_total Number of generation tokens processed.
        # TYPE llamacpp:tokens_predicted_total counter
        llamacpp:tokens_predicted_total 404
        llamacpp:n_decode_total 117
        llamacpp:n_busy_slots_per_decode 1.5
        llamacpp:predicted_tokens_seconds 64.2
        # TYPE llamacpp:requests_processing gauge
        llamacpp:requests_processing 2
        llamacpp:requests_deferred 3

        """

    /// As vLLM answers, two engines.
    private static let vllm = """
        # TYPE vllm:num_requests_running gauge
        vllm:num_requests_running{engine="0",model_name="m"} 4.0
        vllm:num_requests_running{engine="1",model_name="m"} 3.0
        vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
        vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 9.0
        vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
        vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
        vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000",num_gpu_blocks_override="None"} 1.0
        vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="500",num_gpu_blocks_override="None"} 1.0
        vllm:prompt_tokens_total{engine="0",model_name="a } b"} 1.2e+06
        vllm:generation_tokens_total{engine="0",model_name="m \\"q\\""} 500.0
        vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="m"} 5.0

        """

    private func read(_ page: String, _ dialect: RuntimeDialect, version: String? = nil) -> RuntimeNumbers {
        RuntimeNumbers(page: Array(page.utf8), dialect: dialect, version: version.flatMap { RuntimeVersion($0) })
    }

    @Test("llama.cpp: queue and tokens are read, and there is no KV ratio to invent")
    func readsLlamaCpp() {
        let numbers = read(Self.llamacpp, .llamacpp)
        #expect(numbers.running == 2)
        #expect(numbers.waiting == 3)
        #expect(numbers.kvUsedRatio == nil)
        #expect(numbers.promptTokensTotal == 32)
        #expect(numbers.generatedTokensTotal == 404)
        #expect(numbers.workMark == 117)
    }

    @Test("vLLM: engines are summed, the fullest KV cache counts, braces in label values do not confuse")
    func readsVLLM() {
        let numbers = read(Self.vllm, .vllm, version: "0.33.0")
        #expect(numbers.running == 7)
        #expect(numbers.waiting == 1)
        #expect(numbers.kvUsedRatio == 0.75)
        #expect(numbers.kvTokens == 24_000)
        #expect(numbers.promptTokensTotal == 1_200_000)
        #expect(numbers.generatedTokensTotal == 500)
        #expect(numbers.workMark == 1_200_500)
    }

    @Test("vLLM below 0.11.1 and 0.9.2: swapped requests wait, and the KV gauge has its old name")
    func readsOldVLLM() {
        let page = """
            vllm:num_requests_running{model_name="m"} 1
            vllm:num_requests_waiting{model_name="m"} 2
            vllm:num_requests_swapped{model_name="m"} 4
            vllm:gpu_cache_usage_perc{model_name="m"} 0.5
            """
        let old = read(page, .vllm, version: "0.8.5.post1")
        #expect(old.waiting == 6)
        #expect(old.kvUsedRatio == 0.5)
        #expect(read(page, .vllm, version: "0.12.0").waiting == 2)
    }

    @Test("numbers that cannot be are dropped", arguments: ["NaN", "+Inf", "-1", "1e300", "", "zwei"])
    func dropsNonsense(value: String) {
        let numbers = read("llamacpp:requests_processing \(value)\nllamacpp:prompt_tokens_total \(value)\n", .llamacpp)
        #expect(numbers.running == 0)
        #expect(numbers.promptTokensTotal == nil)
    }

    @Test("numbers that are too many to be added up are cut")
    func cutsSums() {
        let names = ["num_requests_running", "num_requests_waiting", "prompt_tokens_total", "generation_tokens_total"]
        let page = names.flatMap { name in (0..<2_000).map { "vllm:\(name){engine=\"\($0)\"} 8.9e15\n" } }.joined()
        let numbers = read(page, .vllm, version: "0.33.0")
        #expect(numbers.running == 9_000_000_000_000_000 && numbers.waiting == numbers.running)
        #expect(numbers.promptTokensTotal == 9_000_000_000_000_000 && numbers.generatedTokensTotal == numbers.promptTokensTotal)
    }

    @Test("versions are compared by number", arguments: [("0.9.2", "0.11.0"), ("v0.9.2.dev3", "0.10"), ("b99", "b5432")])
    func comparesVersions(lower: String, higher: String) throws {
        let low = try #require(RuntimeVersion(lower))
        let high = try #require(RuntimeVersion(higher))
        #expect(low < high)
        #expect(!(high < low))
    }

    @Test("facts: llama.cpp's slots and context, vLLM's context and version; absurd numbers are not believed")
    func readsFacts() {
        var facts = RuntimeFacts()
        facts.read(models: Array(#"{"object":"list","data":[{"id":"smollm2","meta":{"n_ctx_train":2048}}]}"#.utf8))
        facts.read(properties: Array(#"{"total_slots":4,"build_info":"b5432-x","default_generation_settings":{"n_ctx":1024}}"#.utf8))
        #expect(facts == RuntimeFacts(servedModel: "smollm2", version: "b5432-x", slots: 4, contextTokens: 1024))
        facts.read(models: Array(#"{"data":[{"id":"q","max_model_len":9999999999}]}"#.utf8))
        facts.read(version: Array(#"{"version":"0.33.0"}"#.utf8))
        #expect(facts == RuntimeFacts(servedModel: "q", version: "0.33.0", slots: 4, contextTokens: 1024))
    }
}
