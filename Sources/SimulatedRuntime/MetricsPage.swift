/// The text that a dialect's `/metrics` shows: vLLM 0.33 and llama.cpp's server, with the names that an agent reads.
struct MetricsPage {
    let settings: SimulationSettings
    let tally: Tally
    let running: Int
    let waiting: Int
    let kvUsed: Int

    var text: String {
        switch settings.dialect {
        case .vllm: vllm
        case .llamacpp: llama
        }
    }

    private var vllm: String {
        let labels = "engine=\"0\",model_name=\(settings.model.json)"
        let kvShare = Double(kvUsed) / Double(max(1, settings.kvTokens))
        return metric("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.", labels, "\(running).0")
            + metric("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.", labels, "\(waiting).0")
            + header("vllm:num_requests_waiting_by_reason", "gauge", "Number of waiting requests by reason.")
            + line("vllm:num_requests_waiting_by_reason", labels + ",reason=\"capacity\"", "\(waiting).0")
            + line("vllm:num_requests_waiting_by_reason", labels + ",reason=\"deferred\"", "0.0")
            + metric("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", labels, "\(min(1, kvShare))")
            + metric("vllm:prefix_cache_queries_total", "counter", "Prefix cache queries, in tokens.", labels, "\(tally.promptTokens).0")
            + metric("vllm:prefix_cache_hits_total", "counter", "Prefix cache hits, in tokens.", labels, "0.0")
            + metric("vllm:num_preemptions_total", "counter", "Cumulative number of preemptions.", labels, "0.0")
            + metric("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.", labels, "\(tally.promptTokens).0")
            + metric("vllm:generation_tokens_total", "counter", "Number of generation tokens processed.", labels, "\(tally.generatedTokens).0")
            + vllmOutcomes(labels)
            + metric("vllm:engine_sleep_state", "gauge", "Engine sleep state.", labels + ",sleep_state=\"awake\"", "1.0")
            + metric(
                "vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig",
                "block_size=\"16\",engine=\"0\",num_gpu_blocks=\"\(settings.kvTokens / 16)\"", "1.0")
    }

    private func vllmOutcomes(_ labels: String) -> String {
        let stopped = tally.finished - tally.endedByLength
        return header("vllm:request_success_total", "counter", "Count of successfully processed requests.")
            + line("vllm:request_success_total", labels + ",finished_reason=\"stop\"", "\(stopped).0")
            + line("vllm:request_success_total", labels + ",finished_reason=\"length\"", "\(tally.endedByLength).0")
            + line("vllm:request_success_total", labels + ",finished_reason=\"abort\"", "\(tally.aborted).0")
            + metric(
                "vllm:admission_rejections_total", "counter", "Requests rejected at admission.", labels + ",reason=\"max_num_queued_reqs\"",
                "\(tally.refused).0")
    }

    private var llama: String {
        let prompt = Double(tally.promptTokens) / 1000
        let decode = Double(tally.generatedTokens) * settings.tokenGap.seconds
        let rate = settings.tokenGap > .zero ? 1 / settings.tokenGap.seconds : 0
        return metric("llamacpp:prompt_tokens_total", "counter", "Number of prompt tokens processed.", "", "\(tally.promptTokens)")
            + metric("llamacpp:prompt_seconds_total", "counter", "Prompt process time", "", "\(prompt)")
            + metric("llamacpp:tokens_predicted_total", "counter", "Number of generation tokens processed.", "", "\(tally.generatedTokens)")
            + metric("llamacpp:tokens_predicted_seconds_total", "counter", "Predict process time", "", "\(decode)")
            + metric("llamacpp:n_decode_total", "counter", "Total number of llama_decode() calls", "", "\(tally.decodeSteps)")
            + metric("llamacpp:n_tokens_max", "counter", "Largest observed n_tokens.", "", "\(kvUsed)")
            + metric("llamacpp:n_busy_slots_per_decode", "gauge", "Average number of busy slots per llama_decode() call", "", "\(running)")
            + metric("llamacpp:prompt_tokens_seconds", "gauge", "Average prompt throughput in tokens/s.", "", "1000")
            + metric("llamacpp:predicted_tokens_seconds", "gauge", "Average generation throughput in tokens/s.", "", "\(rate)")
            + metric("llamacpp:requests_processing", "gauge", "Number of requests processing.", "", "\(running)")
            + metric("llamacpp:requests_deferred", "gauge", "Number of requests deferred.", "", "\(waiting)")
    }

    private func metric(_ name: String, _ type: String, _ help: String, _ labels: String, _ value: String) -> String {
        header(name, type, help) + line(name, labels, value)
    }

    private func header(_ name: String, _ type: String, _ help: String) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private func line(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
