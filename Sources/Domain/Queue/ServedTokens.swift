/// Tokens of one request as fairness counts them: an output token twice a prompt token, a cached one a tenth (Sheng et al. 2024,
/// arXiv 2401.00588, section 4; the weight of cached tokens is ours).
package struct ServedTokens: Sendable, Equatable {
    package var prompt: Int
    /// Of the prompt, those that the worker had in its cache.
    package var cached: Int
    package var output: Int

    package init(prompt: Int, cached: Int = 0, output: Int) {
        self.prompt = prompt
        self.cached = cached
        self.output = output
    }

    /// Tenths of a prompt token.
    var cost: Int64 {
        let hits = min(max(cached, 0), max(prompt, 0))
        return Int64(max(prompt, 0) - hits) * 10 + Int64(hits) + Int64(max(output, 0)) * 20
    }
}
