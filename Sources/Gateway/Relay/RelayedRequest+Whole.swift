import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// Answers that are not streamed.
extension RelayedRequest {
    /// An answer that was not streamed is complete.
    func attemptAnswered(_ attempt: Attempt) {
        guard !isStream, let plan else { return retry(attempt, .upstreamError) }
        let collected = attempt.takeCollected()
        guard let scan = collected.withUnsafeReadableBytes({ AnswerScan.scan($0) }) else { return retry(attempt, .upstreamError) }
        if scan.error != nil {
            let endpoint = arriving.endpoint
            return attemptJudged(attempt, collected.withUnsafeReadableBytes { UpstreamError.judge(status: nil, body: $0, endpoint: endpoint) })
        }
        guard let answer = answer(collected, scan, plan, of: attempt.worker.entry.dialect) else {
            tokens = AnswerTokens()
            finishReason = nil
            return retry(attempt, .upstreamError)
        }
        plan.sample?.take(whole: collected)
        attempt.end(.answered)
        settleDoubt()
        settleRetries()
        finish(.whole(answer))
    }

    /// There is more of an answer than is told in one piece. Where the request asks for so much, every worker would say so much.
    func attemptTooLong(_ attempt: Attempt) {
        guard let plan, plan.mayTake(answerBytes: loop.settings.answerBytes) else { return retry(attempt, .upstreamError) }
        attempt.end(.refused)
        let generates = arriving.endpoint.generates
        let remedy = generates ? "Set 'stream' to true, or ask for less." : "Ask for fewer texts at once."
        finish(
            .failed(
                APIError(
                    .invalidValue, message: "The answer is longer than one that is sent in one piece may be. \(remedy)",
                    param: generates ? "stream" : plan.facts.promptParam)))
    }

    /// What the customer gets, once its tokens are noted; nil when it is no answer to what was asked.
    private func answer(_ collected: ByteBuffer, _ scan: AnswerScan, _ plan: RequestPlan, of dialect: RuntimeDialect) -> ByteBuffer? {
        switch arriving.endpoint {
        case .chatCompletions, .completions: return noteText(collected, scan) ? customersAnswer(collected, scan, plan) : nil
        case .responses, .messages:
            guard noteText(collected, scan) else { return nil }
            return translated?.whole(collected, meteredTokens(plan), of: dialect, after: elapsed)
        case .embeddings: return noteVectors(scan) ? customersAnswer(collected, scan, plan) : nil
        case .countTokens: return counted(collected)
        }
    }

    /// False where the runtime gave the answer up, or did not say why each choice ended: as a stream, it is not known to be whole.
    private func noteText(_ collected: ByteBuffer, _ scan: AnswerScan) -> Bool {
        guard scan.finished >= scan.choices, let reason = scan.finishReason,
            let known = collected.withUnsafeReadableBytes({ FinishReason.known($0, reason) })
        else { return false }
        finishReason = known
        if let usage = scan.usage { tokens.take(usage, isFinal: true) }
        // Nothing counted its tokens on the way: four bytes of text to one.
        deliveredTokens = (scan.contentBytes + 3) / 4
        return true
    }

    private func noteVectors(_ scan: AnswerScan) -> Bool {
        guard scan.hasData else { return false }
        if var usage = scan.usage {
            // Not every runtime says that it generated nothing.
            usage.completionTokens = 0
            tokens.take(usage, isFinal: true)
        }
        finishReason = FinishReason.stop
        return true
    }

    /// Counting is not billed, and what the runtime says beside the count is not passed on.
    private func counted(_ collected: ByteBuffer) -> ByteBuffer? {
        guard let count = InputTokens.read(Array(collected.readableBytesView)) else { return nil }
        var nothing = ReportedUsage()
        (nothing.promptTokens, nothing.completionTokens) = (0, 0)
        tokens.take(nothing, isFinal: true)
        finishReason = FinishReason.stop
        return ByteBuffer(bytes: InputTokens.body(count))
    }

    /// With the customer's name of the model, the usage that is billed, and without what a runtime tells of itself.
    private func customersAnswer(_ collected: ByteBuffer, _ scan: AnswerScan, _ plan: RequestPlan) -> ByteBuffer {
        let isReworded = collected.withUnsafeReadableBytes { bytes in
            let isRenamed = scan.model.map { !plan.model.isNamed(in: bytes, at: $0.lowerBound - 1..<$0.upperBound + 1) } ?? false
            return isRenamed || scan.finishReason.map { FinishReason.isStopByAnotherName(bytes, $0) } ?? false
        }
        let isTrue = tokens.isReported && scan.usage?.isSound == true && !tokens.exceeds(plan.bound)
        let usage = isTrue ? nil : meteredTokens(plan).json
        let tier = plan.facts.namesServiceTier ? plan.facts.servedTier : nil
        guard isReworded || usage != nil || !scan.hidden.isEmpty || tier != nil else { return collected }
        return rewritten(collected, scan, as: plan.model, usage: usage, tier: tier)
    }

    private func rewritten(
        _ collected: ByteBuffer, _ scan: AnswerScan, as model: ModelRoute, usage: [UInt8]?, tier: StaticString?
    ) -> ByteBuffer {
        var rewritten = ByteBufferAllocator().buffer(capacity: collected.readableBytes + 64)
        collected.withUnsafeReadableBytes { bytes in
            rewritten.writeAnswer(bytes, scan, quotedModel: model.quotedName, dropsUsage: false, usage: usage, serviceTier: tier)
        }
        return rewritten
    }
}
