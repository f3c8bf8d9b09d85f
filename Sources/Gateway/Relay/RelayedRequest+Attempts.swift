import Telemetry
import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire

extension RelayedRequest {
    /// Workers that may fail it, by errors or in time.
    static let mostFailures = 3
    /// A request whose hosts are lost again and again may be what kills them.
    private static let mostLosses = 3
    /// Of whatever kind.
    static let attemptLimit = 6

    /// Asks the chosen worker.
    func beginAttempt() {
        guard let worker, let plan else { return }
        if case .streaming = phase {} else { phase = .waiting }
        let attempt = newAttempt(at: worker, plan, nextReason)
        self.attempt = attempt
        guard attempt.start(exchangeRequest(worker, plan), on: loop, isReading: !clientIsSlow) else {
            return lost(attempt, beforeRuntime: true, isFailure: false)
        }
        awaitFirstToken()
    }

    /// A second attempt beside the first; nil when there is no way to the worker.
    func startedAttempt(at worker: Worker) -> Attempt? {
        guard let plan else { return nil }
        let attempt = newAttempt(at: worker, plan, .hedge)
        guard attempt.start(exchangeRequest(worker, plan), on: loop, isReading: !clientIsSlow) else {
            attempt.end(.lost)
            return nil
        }
        return attempt
    }

    /// What the worker is sent: the request, and where its answer goes on from what the client has already, that too.
    private func exchangeRequest(_ worker: Worker, _ plan: RequestPlan) -> ExchangeRequest {
        let resumed = memory.flatMap { memory in plan.continuation.map { (memory, $0) } }
        let start = plan.start(
            at: worker, for: key, streams: plan.facts.stream || plan.mustAggregate(at: worker), delivered: resumed?.0.tokens ?? 0,
            goesOn: resumed?.1.mustBeTold(worker.entry.dialect) ?? false, using: &loop.edit)
        return ExchangeRequest(
            path: arriving.endpoint.runtimePath, requestId: arriving.requestId.description, worker: worker.entry.id,
            batchWindow: batchWindow(plan), bodyStart: start, bodyRest: resumed.map { $1.rest(plan.rest, after: $0.text) } ?? plan.rest)
    }

    /// Milliseconds. Who has waited for another worker already, and whose prompt is only counted, waits for nobody.
    private func batchWindow(_ plan: RequestPlan) -> Int {
        guard let window = key.tier.microBatchWindowMilliseconds, attempts == 1, plan.endpoint != .countTokens else { return 0 }
        return key.relief?.endsBatchWindow(plan.asked.entry.name) == true ? 0 : window
    }

    private func newAttempt(at worker: Worker, _ plan: RequestPlan, _ reason: RoutingAttempt.Reason) -> Attempt {
        attempts += 1
        if attempts == 1 {
            let now = Reactor.now.microseconds
            let loop = loop
            loop.outages.noteRequest(now: now)
            key.noteRequest(now: now)
        }
        let time = plan.facts.stream ? loop.settings.firstTokenTime : loop.settings.answerTime
        let work = AttemptWork(
            promptTokens: max(plan.facts.estimatedPromptTokens - seat.cachedTokens, 0),
            outputTokens: min(plan.outputTokens, worker.tally.usualAnswer) * plan.facts.generated)
        if !seat.isTaken, let need { worker.force(need) }
        seat.isTaken = false
        return Attempt(at: worker, for: self, work: work, reason: reason, deadline: Reactor.now + .seconds(Int64(time)))
    }

    /// Host or link was lost, or the agent never asked the runtime: another host is tried, outside the budget for retries while most of the
    /// model's workers are well.
    ///
    /// - Parameters:
    ///   - beforeRuntime: No runtime has seen the request. Without another host that is a want of capacity, not a failure of the model.
    ///   - isFailure: The worker is to blame.
    func lost(_ failed: Attempt, beforeRuntime: Bool, isFailure: Bool) {
        if isFailure { failed.fail() } else { failed.end(.lost) }
        if leavesItToOther(failed) { return }
        if case .streaming = phase { return interrupted() }
        if let doubted { return finish(.failed(APIError(doubted.code))) }
        losses += 1
        let error = APIError(beforeRuntime ? .noWorkerAvailable : .hostLost)
        guard losses <= RelayedRequest.mostLosses, attempts < RelayedRequest.attemptLimit, otherQuestion() != nil,
            let isPaid = payMove(isFree: true)
        else { return finish(.failed(error)) }
        go(SecondTry(.reroute, isPaid: isPaid, else: error))
    }

    /// The worker failed or was too slow: another one is tried while the tenant's budget lasts.
    func retry(_ failed: Attempt, _ code: APIErrorCode) {
        failed.fail()
        kept.failures += 1
        if leavesItToOther(failed) { return }
        if case .streaming = phase { return interrupted() }
        if let doubted { return finish(.failed(APIError(doubted.code))) }
        guard kept.failures < RelayedRequest.mostFailures, attempts < RelayedRequest.attemptLimit, otherQuestion() != nil,
            let isPaid = payMove(isFree: false)
        else { return finish(.failed(APIError(code))) }
        go(SecondTry(.retry, isPaid: isPaid, else: APIError(code)))
    }

    /// Whether a second try is worth its load to its own pool and tenant. Where everybody fails it is not; where most do it comes out of the tenant's
    /// budget for retries.
    ///
    /// - Returns: Nil: it is not. False: the budget is spent, but most workers are well: others' answers decide.
    func payMove(isFree: Bool) -> Bool? {
        guard let worker = attempt?.worker, case let health = poolHealth(of: worker), health != .failing else { return nil }
        if isFree, health == .well { return true }
        if key.limits.takeRetry(now: Reactor.now.microseconds) {
            kept.paidRetries += 1
            return true
        }
        return health == .well ? false : nil
    }

    /// Another worker answers: what this request has cost its tenant's budget was the fault of those that failed.
    func settleRetries() {
        guard kept.paidRetries > 0 else { return }
        let now = Reactor.now.microseconds
        for _ in 0..<kept.paidRetries { key.limits.giveBackRetry(now: now) }
        kept.paidRetries = 0
    }

    /// Of all that can stand in for a worker. A pool of which nobody is well counts as well while the request may go to another that is not like that.
    func poolHealth(of worker: Worker) -> FleetHealth.PoolHealth {
        let health = worker.tally.poolHealth
        guard health == .failing, let question else { return health }
        let region = worker.entry.region
        let hasOthers = question.lane.workers.contains { $0.entry.region != region && $0.isReachable && $0.tally.poolHealth != .failing }
        return hasOthers ? .well : .failing
    }

    /// What is asked for instead of the worker that failed. Nil: there is no other, and none is about to come back.
    func otherQuestion() -> Router.Question? {
        guard sink != nil, var question, let failed = attempt?.worker else { return nil }
        question.triedHosts.append(failed.entry.host)
        question.lastProvider = failed.entry.provider
        question.now = Reactor.now.microseconds
        if question.isServed { return question }
        let returnsItself = failed.address == nil && !failed.isReachable
        guard returnsItself || mayReturn(to: question) else { return nil }
        if returnsItself { question.triedHosts.removeAll { $0 == failed.entry.host } }
        return question
    }

    /// To another worker, at once or when one has room.
    func move(_ question: Router.Question, counting moves: CounterMetric, else error: APIError) {
        switch seekAnotherPlace(question) {
        case .found:
            moves.increment()
            beginAttempt()
        case .waits:
            moves.increment()
            phase = .queued
        case .unreachable: finish(.failed(error))
        case .refused(let refusal):
            kept.retryAfter = spread(refusal.retryAfter)
            finish(.failed(error))
        }
    }
}

/// What attempts tell. Each call but `attemptHasEvents` is the last one of its attempt.
extension RelayedRequest {
    /// Host or link was lost before the answer was complete.
    ///
    /// - Parameter runtimeDied: The runtime, not its host: it may have died of this request.
    func attemptLost(_ attempt: Attempt, beforeRuntime: Bool = false, isFailure: Bool = true, runtimeDied: Bool = false) {
        if isFailure, isSecondDeath(attempt, runtimeDied: runtimeDied) { return judgeDeaths(attempt) }
        lost(attempt, beforeRuntime: beforeRuntime, isFailure: isFailure)
    }

    /// The worker failed.
    func attemptFailed(_ attempt: Attempt, _ code: APIErrorCode) {
        retry(attempt, code)
    }

    /// Memory is out, and what was gathered of its answer has gone. That is no worker's fault, and another one's answer would not be smaller.
    func attemptLacksMemory(_ attempt: Attempt) {
        attempt.cancel()
        loop.metrics.edge.memoryRefusals.increment()
        if leavesItToOther(attempt) { return }
        finish(.failed(APIError(.serviceUnavailable)))
    }

    /// The runtime answered with an error.
    func attemptJudged(_ attempt: Attempt, _ verdict: UpstreamVerdict) {
        switch verdict {
        case .refused(let code): refused(attempt, code)
        case .retry(let code): retry(attempt, code)
        case .outOfMemory: if isSecondDeath() { stopAsPoison(attempt) } else { retry(attempt, .upstreamError) }
        // As with a refusal a second worker shows whether it was the request's doing.
        case .unreadable: refused(attempt, .upstreamError)
        }
    }

    /// Events with a token, or behind one, wait for the client: all that one read brought, so that one write takes them.
    func attemptHasEvents(_ attempt: Attempt) {
        guard let stream = attempt.stream else { return }
        settleFirst(on: attempt)
        noteFirstToken(stream)
        deliveredTokens = stream.contentEvents
        writeHeld()
    }

    private func noteFirstToken(_ stream: AnswerStream) {
        guard case .waiting = phase else { return }
        phase = .streaming
        guard stream.hasContent, stream.assembly == nil else { return }
        let after = elapsed
        firstTokenAfter = after
        loop.meter.noteFirstToken(sequence, at: Reactor.now)
        if let attempt {
            let took = (Reactor.now - attempt.began).nanoseconds / 1000
            question?.model.queue.notePrefill(promptTokens: plan?.likelyContextTokens ?? 0, took: took)
        }
        loop.metrics.firstToken.observe(Double(after) / 1_000_000)
        noteFirstTokenForHedging(after: after)
    }

    /// An event was an error, or none.
    func attemptBroke(_ attempt: Attempt, _ failure: AnswerStream.Failure) {
        if case .streaming = phase {
            if case .upstream(.outOfMemory) = failure, isSecondDeath() { return stopAsPoison(attempt) }
            let isUnreadable = failure == .malformed || failure == .upstream(.unreadable)
            attempt.end(failure == .upstream(.unreadable) ? .refused : .broken)
            return interrupted(isUnreadable: isUnreadable)
        }
        switch failure {
        case .upstream(let verdict): attemptJudged(attempt, verdict)
        case .malformed: retry(attempt, .upstreamError)
        case .tooLong: attemptTooLong(attempt)
        }
    }

    /// The stream ended, with or without `[DONE]`.
    ///
    /// - Parameters:
    ///   - runtimeDied: The runtime, not its host: it may have died of this request.
    ///   - isUnreadable: By bytes that are no answer.
    func attemptStreamEnded(_ attempt: Attempt, runtimeDied: Bool = false, isUnreadable: Bool = false) {
        guard let stream = attempt.stream else { return attemptLost(attempt) }
        // One of which a choice ended without saying why is not known to be whole, `[DONE]` or not.
        if stream.saysWhyItEnded, stream.sawDone || stream.finished >= (plan?.facts.answers ?? 1) {
            settleFirst(on: attempt)
            return finishStream(stream, attempt)
        }
        if case .streaming = phase {
            if runtimeDied, isSecondDeath(attempt, runtimeDied: true) { return judgeDeaths(attempt) }
            attempt.end(.broken)
            return interrupted(isUnreadable: isUnreadable)
        }
        if stream.sawDone { retry(attempt, .upstreamError) } else { attemptLost(attempt, runtimeDied: runtimeDied) }
    }

    private func finishStream(_ stream: AnswerStream, _ attempt: Attempt) {
        noteFirstToken(stream)
        attempt.end(.answered)
        settleRetries()
        tokens = stream.tokens
        finishReason = stream.finishReason
        deliveredTokens = stream.contentEvents
        if let assembly = stream.assembly, let plan {
            let tier = plan.facts.namesServiceTier ? plan.facts.servedTier : nil
            let answer = assembly.json(quotedModel: plan.model.quotedName, usage: meteredTokens(plan).json, serviceTier: tier)
            let whole = ByteBuffer(bytes: answer)
            plan.sample?.take(whole: whole)
            return finish(.whole(whole))
        }
        guard var last = shaped(attempt.takeHeld()) else { return finish(.failed(APIError(.streamInterrupted))) }
        if translated == nil, let plan, let usage = stream.usageEvent(meteredTokens(plan).json) { last.writeImmutableBuffer(usage) }
        finish(.stream(last))
    }
}
