import Telemetry
import PlimsollWire
import Domain
import NIOCore
import OpenAIWire

extension RelayedRequest {
    /// Writes the final record; the client's last bytes follow when it is on disk.
    func finish(_ ending: Ending) {
        guard let admission, let plan else { return }
        phase = .finishing(ending)
        var evidence = evidence(ending, plan)
        let isEstimated = !tokens.isReported && (evidence.completionTokens > 0 || evidence.hasFinishReason)
        if isEstimated, evidence.promptTokens == 0 { evidence.promptTokens = plan.facts.estimatedPromptTokens }
        var completion = Completion(admission: admission, sequence: sequence, target: worker?.target, evidence: evidence)
        completion.finishReason = finishReason
        completion.cachedPromptTokens = tokens.cached
        completion.reasoningTokens = tokens.reasoning
        completion.estimated = isEstimated
        completion.attempts = max(attempts, 1)
        if case .failed(let error) = ending { completion.errorCode = error.code.rawValue }
        count(evidence, plan, ending)
        loop.meter.finish(completion, waiter: self, tag: RecordTag.final.rawValue)
    }

    private func evidence(_ ending: Ending, _ plan: RequestPlan) -> RequestEvidence {
        var evidence = RequestEvidence(status: 200)
        evidence.promptTokens = tokens.prompt
        evidence.completionTokens = tokens.isReported ? tokens.completion : deliveredEvents
        evidence.firstTokenAfter = firstTokenAfter
        evidence.finishedAfter = elapsed
        switch ending {
        case .whole, .stream: evidence.hasFinishReason = finishReason != nil
        case .failed(let error) where headSent:
            evidence.streamBroken = true
            evidence.status = error.code == .streamInterrupted ? 200 : error.status
        case .failed(let error): evidence.status = error.status
        case .clientGone:
            evidence.clientAborted = true
            evidence.status = headSent ? 200 : 499
        }
        return evidence
    }

    private func count(_ evidence: RequestEvidence, _ plan: RequestPlan, _ ending: Ending) {
        let billable = BillableTokens(evidence)
        arriving.key.limits.settle(
            reserved: plan.reservedTokens, used: billable.prompt + billable.completion, now: NIODeadline.now().microseconds)
        loop.metrics.count(Outcome(evidence))
        loop.metrics.promptTokens.increment(by: billable.prompt)
        loop.metrics.completionTokens.increment(by: billable.completion)
        if case .clientGone = ending { loop.metrics.disconnects.increment() }
    }
}
