import PlimsollWire
import HTTPWire

/// Puts together what a runtime reports of its tokens, over all events of an answer.
struct AnswerTokens {
    /// Nil: not reported. Missing is not zero.
    private(set) var prompt: Int?
    private(set) var completion: Int?
    private(set) var cached = 0
    private(set) var reasoning = 0
    private var isFinal = false

    /// - Parameter isFinal: The report stands alone, with no choices beside it. Several such reports, one for each of several answers, add
    ///   up; a report beside choices is a running count, and the last one holds.
    mutating func take(_ usage: ReportedUsage, isFinal final: Bool) {
        guard usage.promptTokens != nil || usage.completionTokens != nil else { return }
        if final, isFinal {
            completion = usage.completionTokens.map { $0 + (completion ?? 0) } ?? completion
            reasoning += usage.reasoningTokens ?? 0
            prompt = usage.promptTokens.map { max($0, prompt ?? 0) } ?? prompt
            cached = max(cached, usage.cachedPromptTokens ?? 0)
        } else if final || !isFinal {
            completion = usage.completionTokens ?? completion
            reasoning = usage.reasoningTokens ?? 0
            prompt = usage.promptTokens ?? prompt
            cached = usage.cachedPromptTokens ?? 0
        }
        isFinal = isFinal || final
    }

    /// What is metered: the runtime's report as far as it can be true, and the gateway's own count where there is none.
    ///
    /// - Parameters:
    ///   - delivered: Tokens that the gateway counted on their way to the client.
    ///   - isWhole: The answer said why it ended.
    func metered(within bound: UsageBound, delivered: Int, estimatedPrompt: Int, isWhole: Bool) -> MeteredTokens {
        let isAnswered = delivered > 0 || isWhole
        let completion = completion ?? delivered
        let prompt = prompt ?? (isAnswered ? estimatedPrompt : 0)
        var metered = MeteredTokens(prompt: min(prompt, bound.prompt), completion: min(completion, bound.completion))
        metered.cached = min(cached, metered.prompt)
        metered.reasoning = min(reasoning, metered.completion)
        metered.isClamped = metered.prompt < prompt || metered.completion < completion
        metered.isEstimated = metered.isClamped || isAnswered && (self.prompt == nil || self.completion == nil)
        return metered
    }

    var json: [UInt8] {
        let (prompt, completion) = (prompt ?? 0, completion ?? 0)
        var text = #"{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion),"total_tokens":\#(prompt + completion)"#
        text += #","prompt_tokens_details":{"cached_tokens":\#(cached)},"completion_tokens_details":{"reasoning_tokens":\#(reasoning)}}"#
        return Array(text.utf8)
    }
}

/// The values of `finish_reason` that customers know; anything else is shown to them as the runtime sent it and recorded as `other`.
enum FinishReason {
    static func known(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        for reason: StaticString in ["stop", "length", "tool_calls", "content_filter", "function_call"]
        where HeadBytes.equal(bytes, range, ignoringCase: reason) {
            return reason.description
        }
        return "other"
    }
}
