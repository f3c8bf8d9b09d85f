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
    /// - Returns: Whether it counts. One that does not count prompt and answer does not, nor does a running one behind one that stood alone.
    @discardableResult
    mutating func take(_ usage: ReportedUsage, isFinal final: Bool, choice: Int? = nil) -> Bool {
        guard let prompt = usage.promptTokens, let completion = usage.completionTokens, final || !isFinal else { return false }
        if !final, let choice, answers > 1 {
            guard running[choice] != nil || running.count < answers else { return false }
            running[choice] = usage
            addRunning()
        } else if isFinal, answers > 1 {
            guard finals < answers else { return false }
            self.completion = completion + (self.completion ?? 0)
            reasoning += usage.reasoningTokens ?? 0
            self.prompt = max(prompt, self.prompt ?? 0)
            cached = max(cached, usage.cachedPromptTokens ?? 0)
        } else {
            (self.prompt, self.completion) = (prompt, completion)
            reasoning = usage.reasoningTokens ?? 0
            cached = usage.cachedPromptTokens ?? 0
        }
        if final { finals += 1 }
        return true
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
    func exceeds(_ bound: UsageBound) -> Bool {
        let (prompt, completion) = (prompt ?? 0, completion ?? 0)
        return prompt > bound.prompt || completion > bound.completion || cached > prompt || reasoning > completion
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
        metered.isEstimated = metered.isClamped || isAnswered && (!isReported || isPartial)
        return metered
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

/// The values of `finish_reason` that customers know. Another name for `stop` is shown as that; anything else as the runtime sent it, and recorded as
/// `other`.
enum FinishReason {
    static let stop = "stop"

    /// TGI has words of its own for it, which no client knows.
    static func isStopByAnotherName(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        HeadBytes.equal(bytes, range, to: "stop_sequence") || HeadBytes.equal(bytes, range, to: "eos_token")
    }

    /// Nil where the runtime gave the answer up, by its own will or another's.
    static func known(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String? {
        for reason: StaticString in ["stop", "length", "tool_calls", "content_filter", "function_call"]
        where HeadBytes.equal(bytes, range, ignoringCase: reason) {
            return reason.description
        }
        for reason: StaticString in ["abort", "error"] where HeadBytes.equal(bytes, range, ignoringCase: reason) { return nil }
        return isStopByAnotherName(bytes, range) ? stop : "other"
    }
}
