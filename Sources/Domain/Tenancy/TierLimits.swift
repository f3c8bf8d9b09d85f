/// Caps and quotas of a tier. Every one of them must be there: a tier without caps, or a key without quota, is refused as configuration.
package struct TierLimits: Sendable, Equatable {
    package var maxPromptTokens: Int
    package var maxOutputTokens: Int
    package var maxBodyBytes: Int
    package var requestsPerMinute: Int
    package var tokensPerMinute: Int
    package var concurrentRequests: Int

    /// The same numbers before they are known to be there, as a client or a file gives them.
    package struct Draft: Sendable, Equatable {
        package var maxPromptTokens: Int?
        package var maxOutputTokens: Int?
        package var maxBodyBytes: Int?
        package var requestsPerMinute: Int?
        package var tokensPerMinute: Int?
        package var concurrentRequests: Int?

        package init() {}
    }

    /// One thing wrong with a draft. `field` is the name on the wire.
    package struct Fault: Sendable, Equatable {
        package var field: String
        package var message: String
    }

    package static let range = 1...1_000_000_000

    /// The limits, or every fault at once.
    package static func validate(_ draft: Draft) -> (limits: TierLimits?, faults: [Fault]) {
        var faults: [Fault] = []
        func require(_ value: Int?, _ field: String) -> Int {
            guard let value else {
                faults.append(Fault(field: field, message: "is missing: a tier must set it"))
                return 0
            }
            if !range.contains(value) {
                faults.append(Fault(field: field, message: "must be from \(range.lowerBound) to \(range.upperBound)"))
            }
            return value
        }
        let limits = TierLimits(
            maxPromptTokens: require(draft.maxPromptTokens, "max_prompt_tokens"),
            maxOutputTokens: require(draft.maxOutputTokens, "max_output_tokens"),
            maxBodyBytes: require(draft.maxBodyBytes, "max_body_bytes"),
            requestsPerMinute: require(draft.requestsPerMinute, "requests_per_minute"),
            tokensPerMinute: require(draft.tokensPerMinute, "tokens_per_minute"),
            concurrentRequests: require(draft.concurrentRequests, "concurrent_requests"))
        if faults.isEmpty, limits.maxOutputTokens > limits.tokensPerMinute {
            faults.append(Fault(field: "tokens_per_minute", message: "is below max_output_tokens, so the longest answer could never be admitted"))
        }
        return (faults.isEmpty ? limits : nil, faults)
    }
}
