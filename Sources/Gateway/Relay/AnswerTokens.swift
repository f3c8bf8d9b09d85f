import PlimsollWire
import HTTPWire

/// Puts together what a runtime reports of its tokens, over all events of an answer.
struct AnswerTokens {
    private(set) var prompt = 0
    private(set) var completion = 0
    private(set) var cached = 0
    private(set) var reasoning = 0
    /// The runtime has reported something.
    private(set) var isReported = false
    private var isFinal = false

    /// - Parameter isFinal: The report stands alone, with no choices beside it. Several such reports, one for each of several answers, add
    ///   up; a report beside choices is a running count, and the last one holds.
    mutating func take(_ usage: ReportedUsage, isFinal final: Bool) {
        isReported = true
        if final, isFinal {
            completion += usage.completionTokens ?? 0
            reasoning += usage.reasoningTokens ?? 0
            prompt = max(prompt, usage.promptTokens ?? 0)
            cached = max(cached, usage.cachedPromptTokens ?? 0)
        } else if final || !isFinal {
            completion = usage.completionTokens ?? 0
            reasoning = usage.reasoningTokens ?? 0
            prompt = usage.promptTokens ?? 0
            cached = usage.cachedPromptTokens ?? 0
        }
        isFinal = isFinal || final
    }

    var json: [UInt8] {
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
