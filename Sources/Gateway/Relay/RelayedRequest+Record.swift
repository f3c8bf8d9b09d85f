import Telemetry
import PlimsollWire
import Domain
import NIOCore
import Reactor
import OpenAIWire

extension RelayedRequest {
    /// Writes the final record; when it is on disk, the request is counted, and the client's last bytes follow. The first ending counts.
    func finish(_ ending: __owned Ending) {
        guard !isFinishing, let plan, let admission = admission.take() else { return }
        let loop = loop
        phase = .finishing
        vacate()
        hedgeTimer?.cancel()
        hedgeTimer = nil
        metered = meteredTokens(plan)
        if metered.isClamped { loop.metrics.usageClamped.increment() }
        let evidence = evidence(ending, metered)
        let completion = Completion(admission: admission, sequence: sequence, target: (attempt?.worker ?? worker)?.target, evidence: evidence)
        completion.finishReason = finishReason
        completion.cachedPromptTokens = metered.cached
        completion.reasoningTokens = metered.reasoning
        completion.estimated = metered.isEstimated
        completion.queuedFor = seat.waited
        completion.leasedFor = kept.leasedFor
        completion.attempts = max(attempts, 1)
        completion.isContinued = kept.continuations > 0
        completion.priceVersion = price?.version ?? 0
        completion.retrieval = arriving.retrieval.map { Int64($0.microseconds) }
        if case .failed(let error) = ending { completion.errorCode = error.code.rawValue }
        kept.completion = completion
        // Workers made them, whatever becomes of the record.
        settleShare(prompt: evidence.promptTokens, cached: completion.cachedPromptTokens, output: evidence.completionTokens)
        trace.fault = evidence.fault
        self.ending = consume ending
        loop.meter.finish(completion, routing: kept, waiter: self, tag: RecordTag.final.rawValue)
    }

    /// Keeps for operators why it was refused: there will be no record.
    func explainRefusal(_ error: APIError, retryAfter: Int64?) {
        var refusal = RefusalTrace(error, arriving.requestId, acceptedAt: arriving.acceptedAt, key: key)
        refusal.model = plan?.asked
        refusal.promptTokens = plan?.facts.estimatedPromptTokens ?? 0
        refusal.refusedAfter = elapsed
        refusal.leasedFor = kept.leasedFor
        refusal.retryAfter = retryAfter
        loop.refusals.note(refusal)
    }

    /// What is metered of what is known now.
    func meteredTokens(_ plan: RequestPlan) -> MeteredTokens {
        let isWhole = finishReason != nil
        let prompt = isWhole ? plan.facts.estimatedPromptTokens : plan.facts.modestPromptTokens
        return tokens.metered(within: plan.bound, delivered: deliveredTokens, estimatedPrompt: prompt, isWhole: isWhole)
    }

    private func evidence(_ ending: Ending, _ metered: MeteredTokens) -> RequestEvidence {
        var evidence = RequestEvidence(status: 200)
        evidence.promptTokens = metered.prompt
        evidence.completionTokens = metered.completion
        evidence.firstTokenAfter = firstTokenAfter
        evidence.finishedAfter = elapsed
        switch ending {
        case .whole, .stream: evidence.hasFinishReason = finishReason != nil
        case .failed(let error) where headSent:
            evidence.streamBroken = true
            // One that made way for another was shed, however far it had come: no worker is to blame.
            evidence.withinQuota = error.code == .overCapacity
            evidence.status = firstTokenAfter != nil && !evidence.withinQuota ? 200 : error.status
            evidence.fault = Fault(error.code.fault)
        case .failed(let error):
            evidence.status = error.status
            evidence.fault = Fault(error.code.fault)
            evidence.withinQuota = error.code == .overCapacity
            // Only the runtime knows how many tokens a prompt is.
            evidence.promptOverLimit = error.code == .contextLengthExceeded
        case .clientGone:
            evidence.clientAborted = true
            evidence.status = headSent ? 200 : 499
        }
        return evidence
    }

    /// In limits, minute and metrics, by what the record says: after it, so that none of them tells of what no record does.
    ///
    /// - Parameter isRecorded: False: the disk refused it. The next start will close the request as interrupted, with nothing to bill.
    func countEnd(_ ending: Ending, isRecorded: Bool) {
        guard let completion = kept.completion.take() else { return }
        let loop = loop
        let evidence = completion.evidence
        let billable = isRecorded ? completion.billable : BillableTokens(prompt: 0, completion: 0)
        settleLimits(billable, cached: completion.cachedPromptTokens)
        if isRecorded { loop.meter.count(completion) } else { loop.meter.countUnrecorded(completion.admission) }
        loop.metrics.count(isRecorded ? Outcome(evidence) : .interrupted)
        if let deadline = completion.admission.batchDeadline {
            loop.metrics.countBatch(isRecorded && ending.isAnswer, isLate: evidence.finishedAfter > deadline)
        }
        if isRecorded, let retrieval = completion.retrieval { loop.metrics.count(retrieval: retrieval, evidence) }
        loop.metrics.count(billable)
        if case .clientGone = ending { loop.metrics.disconnects.increment() }
    }

    /// What was reserved makes way for what is billed, by the same evidence as the record.
    private func settleLimits(_ billable: BillableTokens, cached: Int) {
        guard let reservation = reservation.take() else { return }
        let spend = price?.spend(prompt: billable.prompt, cached: min(cached, billable.prompt), completion: billable.completion) ?? 0
        key.settle(reservation, tokens: billable.prompt + billable.completion, spend: spend, now: Reactor.now.microseconds)
    }
}
