/// Limits of a tier, or of one of its keys, that must fit each other, whoever writes them: the admin API or the file of a standalone gateway.
///
/// That they are there, and in range, each reader says of each field.
package struct TierLimits: Sendable, Equatable {
    package var maxOutputTokens: Int
    package var tokensPerMinute: Int
    /// Nil: as many as a minute has.
    package var burstTokens: Int?

    /// One thing wrong. `field` is the name on the wire.
    package struct Fault: Sendable, Equatable {
        package var field: String
        package var message: String
    }

    /// Of any limit in a standalone gateway's file.
    package static let range = 1...1_000_000_000

    package init(maxOutputTokens: Int, tokensPerMinute: Int, burstTokens: Int? = nil) {
        self.maxOutputTokens = maxOutputTokens
        self.tokensPerMinute = tokensPerMinute
        self.burstTokens = burstTokens
    }

    /// Those of a key of the tier, as gateways apply them: with tokens a minute of its own it has no burst of the tier's.
    package func narrowed(tokensPerMinute own: Int?, burstTokens ownBurst: Int?) -> TierLimits {
        TierLimits(
            maxOutputTokens: maxOutputTokens, tokensPerMinute: own ?? tokensPerMinute, burstTokens: ownBurst ?? (own == nil ? burstTokens : nil))
    }

    /// Every fault at once; empty: they fit. A request without `max_tokens` reserves the longest answer, so one that is above the burst is refused for ever.
    package func validate() -> [Fault] {
        guard maxOutputTokens > burstTokens ?? tokensPerMinute else { return [] }
        let field = burstTokens == nil ? "tokens_per_minute" : "burst_tokens"
        return [
            Fault(field: field, message: "is below the tier's max_output_tokens (\(maxOutputTokens)), so the longest answer could never be admitted")
        ]
    }
}
