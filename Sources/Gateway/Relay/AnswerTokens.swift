import PlimsollWire
import HTTPWire

/// Puts together what a runtime reports of its tokens, over all events of an answer.
struct AnswerTokens {
    /// Nil: not reported. Missing is not zero.
    private(set) var prompt: Int?
    private(set) var completion: Int?
    private(set) var cached = 0
    private(set) var reasoning = 0
    /// Reports that stood alone.
    private var finals = 0
    /// Answers and prompts that were asked for.
    private let answers: Int
    private let prompts: Int
    /// The latest running count beside each of several answers.
    private var running: [Int: ReportedUsage] = [:]

    init(answers: Int = 1, prompts: Int = 1) {
        self.answers = answers
        self.prompts = prompts
    }

    /// - Parameters:
    ///   - isFinal: The report stands alone, with no choices beside it, and takes the place of all that stood beside choices. Several such
    ///     reports, one for each of several answers, add up; of one answer the last one counts.
    ///   - choice: The only choice beside the report: of several answers, it is the running count of this one, and they add up. Beside any
    ///     other choices it is a running count of everything.
    mutating func take(_ usage: ReportedUsage, isFinal final: Bool, choice: Int? = nil) {
        guard usage.promptTokens != nil || usage.completionTokens != nil else { return }
        if !final, !isFinal, let choice, answers > 1 {
            guard running[choice] != nil || running.count < answers else { return }
            running[choice] = usage
            addRunning()
        } else if final, isFinal, answers > 1 {
            guard finals < answers else { return }
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
        if final { finals += 1 }
    }

    private var isFinal: Bool { finals > 0 }

    /// The runtime said what prompt and answer were.
    var isReported: Bool { prompt != nil && completion != nil }

    /// Each answer tells the tokens of its own prompt: one prompt counts once, however often it is answered.
    private mutating func addRunning() {
        func total(_ counts: [Int]) -> Int? { counts.isEmpty ? nil : counts.reduce(0, +) }
        func onePerPrompt(_ counts: [Int]) -> Int? {
            guard prompts > 1 else { return counts.max() }
            let each = max(answers / prompts, 1)
            return total(counts).map { ($0 + each - 1) / each }
        }
        completion = total(running.values.compactMap(\.completionTokens))
        reasoning = total(running.values.compactMap(\.reasoningTokens)) ?? 0
        prompt = onePerPrompt(running.values.compactMap(\.promptTokens))
        cached = onePerPrompt(running.values.compactMap(\.cachedPromptTokens)) ?? 0
    }

    /// Some of several answers have been reported, others have not.
    private var isPartial: Bool { !isFinal && !running.isEmpty && running.count < answers }

    /// More is reported than is possible.
    func exceeds(_ bound: UsageBound) -> Bool { (prompt ?? 0) > bound.prompt || (completion ?? 0) > bound.completion }

    /// As the customer is told it: no more than is billed.
    func bounded(by bound: UsageBound) -> AnswerTokens {
        var tokens = self
        tokens.prompt = prompt.map { min($0, bound.prompt) }
        tokens.completion = completion.map { min($0, bound.completion) }
        tokens.cached = min(cached, tokens.prompt ?? 0)
        tokens.reasoning = min(reasoning, tokens.completion ?? 0)
        return tokens
    }

    /// What is metered: the runtime's report as far as it can be true, and the gateway's own count where there is none.
    ///
    /// - Parameters:
    ///   - delivered: Tokens that the gateway counted on their way to the client.
    ///   - isWhole: The answer said why it ended.
    func metered(within bound: UsageBound, delivered: Int, estimatedPrompt: Int, isWhole: Bool) -> MeteredTokens {
        let isAnswered = delivered > 0 || isWhole
        let completion = isPartial ? max(self.completion ?? 0, delivered) : self.completion ?? delivered
        let prompt = prompt ?? (isAnswered ? estimatedPrompt : 0)
        var metered = MeteredTokens(prompt: min(prompt, bound.prompt), completion: min(completion, bound.completion))
        metered.cached = min(cached, metered.prompt)
        metered.reasoning = min(reasoning, metered.completion)
        metered.isClamped = metered.prompt < prompt || metered.completion < completion
        metered.isEstimated = metered.isClamped || isAnswered && !isReported
        return metered
    }

    var json: [UInt8] {
        var metered = MeteredTokens(prompt: prompt ?? 0, completion: completion ?? 0)
        (metered.cached, metered.reasoning) = (cached, reasoning)
        return metered.json
    }
}

extension MeteredTokens {
    /// As `usage` of an answer.
    var json: [UInt8] {
        var text = #"{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion),"total_tokens":\#(prompt + completion)"#
        text += #","prompt_tokens_details":{"cached_tokens":\#(cached)},"completion_tokens_details":{"reasoning_tokens":\#(reasoning)}}"#
        return Array(text.utf8)
    }
}

/// The values of `finish_reason` that customers know; anything else is shown to them as the runtime sent it and recorded as `other`.
enum FinishReason {
    static let stop = "stop"

    /// Nil where the runtime gave the answer up, by its own will or another's.
    static func known(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String? {
        for reason: StaticString in ["stop", "length", "tool_calls", "content_filter", "function_call"]
        where HeadBytes.equal(bytes, range, ignoringCase: reason) {
            return reason.description
        }
        for reason: StaticString in ["abort", "error"] where HeadBytes.equal(bytes, range, ignoringCase: reason) { return nil }
        return "other"
    }
}
