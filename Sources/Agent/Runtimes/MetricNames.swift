import PlimsollWire

/// Under which names a runtime's version publishes the numbers that routing needs. Several names: the first that the page has counts.
struct MetricNames: Equatable {
    var running: [String]
    var waiting: [String]
    /// Parts that also wait although the runtime counts them apart.
    var swapped: [String] = []
    var kvUsedRatio: [String]
    /// Whose labels tell how large the KV cache is.
    var kvConfiguration: [String] = []
    var promptTokens: [String]
    var generatedTokens: [String]
    /// Counters that move whenever the engine does work, between the ends of requests too. Each under several names; they are added up.
    var work: [[String]]

    static func names(_ dialect: RuntimeDialect, version: RuntimeVersion?) -> MetricNames {
        switch dialect {
        case .llamacpp: llamacpp
        case .vllm: vllm(version)
        }
    }

    var all: Set<String> {
        Set(running + waiting + swapped + kvUsedRatio + kvConfiguration + promptTokens + generatedTokens + work.joined())
    }

    /// The ratio was dropped from the page in 2025; older builds still have it.
    private static let llamacpp = MetricNames(
        running: ["llamacpp:requests_processing"], waiting: ["llamacpp:requests_deferred"], kvUsedRatio: ["llamacpp:kv_cache_usage_ratio"],
        promptTokens: ["llamacpp:prompt_tokens_total"], generatedTokens: ["llamacpp:tokens_predicted_total"],
        work: [["llamacpp:n_decode_total", "llamacpp:tokens_predicted_total"]])

    /// The KV gauge was renamed in 0.9.2, swapping ended with 0.11.1. Counters carry `_total` only where the client library adds it.
    private static func vllm(_ version: RuntimeVersion?) -> MetricNames {
        let renamed = version.map { $0 >= RuntimeVersion(0, 9, 2) } ?? true
        let swaps = version.map { $0 < RuntimeVersion(0, 11, 1) } ?? false
        let kv = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]
        let prompt = ["vllm:prompt_tokens_total", "vllm:prompt_tokens"]
        let generated = ["vllm:generation_tokens_total", "vllm:generation_tokens"]
        return MetricNames(
            running: ["vllm:num_requests_running"], waiting: ["vllm:num_requests_waiting"],
            swapped: swaps ? ["vllm:num_requests_swapped"] : [], kvUsedRatio: renamed ? kv : kv.reversed(),
            kvConfiguration: ["vllm:cache_config_info"], promptTokens: prompt, generatedTokens: generated, work: [prompt, generated])
    }
}

/// A runtime's metrics page in our words.
struct RuntimeNumbers: Equatable, Sendable {
    var running = 0
    var waiting = 0
    var kvUsedRatio: Double?
    /// That the KV cache holds.
    var kvTokens: Int?
    var promptTokensTotal: Int64?
    var generatedTokensTotal: Int64?
    /// Who is worked on and who waits.
    var queue: Queue { Queue(running: running, waiting: waiting) }

    struct Queue: Equatable {
        var running: Int
        var waiting: Int
    }
    /// Changes when the engine works; only equality means anything.
    var workMark: Double?

    init(page: some Collection<UInt8>, dialect: RuntimeDialect, version: RuntimeVersion?) {
        let names = MetricNames.names(dialect, version: version)
        let page = PrometheusText(page, wanted: names.all)
        running = page.sum(names.running).map { Int(Self.whole($0)) } ?? 0
        waiting = Int(Self.whole((page.sum(names.waiting) ?? 0) + (page.sum(names.swapped) ?? 0)))
        kvUsedRatio = page.maximum(names.kvUsedRatio).map { min(1, $0) }
        kvTokens = Self.kvTokens(names.kvConfiguration.flatMap(page.samples))
        promptTokensTotal = page.sum(names.promptTokens).map(Self.whole)
        generatedTokensTotal = page.sum(names.generatedTokens).map(Self.whole)
        let work = names.work.compactMap { page.sum($0) }
        workMark = work.isEmpty ? nil : work.reduce(0, +)
    }

    /// Each sample is sane, but thousands of them together may be no integer any more, and turning that into one would end the agent.
    private static func whole(_ sum: Double) -> Int64 { Int64(min(sum, 9e15)) }

    /// Blocks times their size, of all engines; nil when one of them does not say.
    private static func kvTokens(_ engines: [PrometheusText.Sample]) -> Int? {
        var total = 0
        for engine in engines {
            guard let blocks = engine.number("num_gpu_blocks"), let size = engine.number("block_size") else { return nil }
            guard (1...100_000_000).contains(blocks), (1...100_000).contains(size) else { return nil }
            total += blocks * size
        }
        return total == 0 ? nil : total
    }
}
