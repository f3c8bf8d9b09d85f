import Telemetry
import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire

extension RelayedRequest {
    /// Attempts after errors and timeouts, the first one included.
    static let mostAttempts = 3
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
        guard attempt.start(exchangeRequest(worker, plan), isReading: !clientIsSlow) else {
            return lost(attempt, beforeRuntime: true, isFailure: false)
        }
        awaitFirstToken()
    }

    /// A second attempt beside the first; nil when there is no way to the worker.
    func startedAttempt(at worker: Worker) -> Attempt? {
        guard let plan else { return nil }
        let attempt = newAttempt(at: worker, plan, .hedge)
        guard attempt.start(exchangeRequest(worker, plan), isReading: !clientIsSlow) else {
            attempt.end(.lost)
            return nil
        }
        return attempt
    }

    /// What the worker is sent: the request, and where its answer goes on from what the client has already, that too.
    private func exchangeRequest(_ worker: Worker, _ plan: RequestPlan) -> ExchangeRequest {
        let resumed = memory.flatMap { memory in plan.continuation.map { (memory, $0) } }
        let start = plan.start(
            quotedModel: worker.quotedServedModel, quotedSalt: arriving.key.quotedSalt,
            streams: plan.facts.stream || plan.mustAggregate(at: worker), delivered: resumed?.0.tokens ?? 0,
            goesOn: resumed?.1.mustBeTold(worker.entry.dialect) ?? false,
            counts: plan.continuation == nil ? nil : worker.entry.dialect, using: &loop.edit)
        return ExchangeRequest(
            path: arriving.endpoint.runtimePath, requestId: arriving.requestId.description, worker: worker.entry.id, bodyStart: start,
            bodyRest: resumed.map { $1.rest(plan.rest, after: $0.text) } ?? plan.rest)
    }

    private func newAttempt(at worker: Worker, _ plan: RequestPlan, _ reason: RoutingAttempt.Reason) -> Attempt {
        attempts += 1
        if attempts == 1 { loop.outages.noteRequest(now: Reactor.now.microseconds) }
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
        guard losses <= RelayedRequest.mostLosses, otherQuestion() != nil, mayMove(isFree: true) else { return finish(.failed(error)) }
        go(SecondTry(.reroute, else: error))
    }

    /// The worker failed or was too slow: another one is tried while the tenant's budget lasts.
    func retry(_ failed: Attempt, _ code: APIErrorCode) {
        failed.fail()
        if leavesItToOther(failed) { return }
        if case .streaming = phase { return interrupted() }
        if let doubted { return finish(.failed(APIError(doubted.code))) }
        guard attempts < RelayedRequest.mostAttempts, otherQuestion() != nil, mayMove(isFree: false) else {
            return finish(.failed(APIError(code)))
        }
        go(SecondTry(.retry, else: APIError(code)))
    }

    /// Whether a second try is worth its load to its own pool and tenant. Where everybody fails it is not; where most do it comes out of the tenant's
    /// budget for retries.
    func mayMove(isFree: Bool) -> Bool {
        switch attempt?.worker.tally.poolHealth {
        case nil, .failing: false
        case .well where isFree: true
        case .well, .troubled: arriving.key.limits.takeRetry(now: Reactor.now.microseconds)
        }
    }

    /// What is asked for instead of the worker that failed. Nil: there is no other, and its own host is not about to come back.
    func otherQuestion() -> Router.Question? {
        guard sink != nil, var question, let failed = attempt?.worker else { return nil }
        question.triedHosts.append(failed.entry.host)
        question.lastProvider = failed.entry.provider
        question.now = Reactor.now.microseconds
        if question.isServed { return question }
        guard failed.address == nil, !failed.isReachable else { return nil }
        question.triedHosts.removeAll { $0 == failed.entry.host }
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
        case .unreachable, .refused: finish(.failed(error))
        }
    }
}

/// What attempts tell. Each call but `attemptHasEvents` is the last one of its attempt.
extension RelayedRequest {
    /// Host or link was lost before the answer was complete.
    ///
    /// - Parameter runtimeDied: The runtime, not its host: it may have died of this request.
    func attemptLost(_ attempt: Attempt, beforeRuntime: Bool = false, isFailure: Bool = true, runtimeDied: Bool = false) {
        let isSuspect = runtimeDied && !isLossOfMany(attempt)
        if isFailure { noteLoss(attempt.worker) }
        if isSuspect, isSecondDeath() { return judgeDeaths(attempt) }
        lost(attempt, beforeRuntime: beforeRuntime, isFailure: isFailure)
    }

    /// The worker failed.
    func attemptFailed(_ attempt: Attempt, _ code: APIErrorCode) {
        retry(attempt, code)
    }

    /// The runtime answered with an error.
    func attemptJudged(_ attempt: Attempt, _ verdict: UpstreamVerdict) {
        switch verdict {
        case .refused(let code): refused(attempt, code)
        case .retry(let code): retry(attempt, code)
        case .outOfMemory: if isSecondDeath() { stopAsPoison(attempt) } else { retry(attempt, .upstreamError) }
        }
    }

    /// Events with a token, or behind one, wait for the client: all that one read brought, so that one write takes them.
    func attemptHasEvents(_ attempt: Attempt) {
        guard let stream = attempt.stream else { return }
        if case .waiting = phase { settle(on: attempt) }
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
            attempt.end(.broken)
            return interrupted()
        }
        switch failure {
        case .upstream(let verdict): attemptJudged(attempt, verdict)
        case .malformed: retry(attempt, .upstreamError)
        }
    }

    /// The stream ended, with or without `[DONE]`.
    func attemptStreamEnded(_ attempt: Attempt) {
        guard let stream = attempt.stream else { return attemptLost(attempt) }
        // One of which a choice ended without saying why is not known to be whole, `[DONE]` or not.
        if stream.saysWhyItEnded, stream.sawDone || stream.finished >= (plan?.facts.answers ?? 1) {
            if case .waiting = phase { settle(on: attempt) }
            return finishStream(stream, attempt)
        }
        if case .streaming = phase {
            attempt.end(.broken)
            return interrupted()
        }
        if stream.sawDone { retry(attempt, .upstreamError) } else { attemptLost(attempt) }
    }

    private func finishStream(_ stream: AnswerStream, _ attempt: Attempt) {
        noteFirstToken(stream)
        attempt.end(.answered)
        tokens = stream.tokens
        finishReason = stream.finishReason
        deliveredTokens = stream.contentEvents
        if let assembly = stream.assembly, let plan {
            let tier = plan.facts.namesServiceTier ? plan.facts.servedTier : nil
            let answer = assembly.json(quotedModel: plan.model.quotedName, usage: meteredTokens(plan).json, serviceTier: tier)
            return finish(.whole(ByteBuffer(bytes: answer)))
        }
        guard var last = shaped(attempt.takeHeld()) else { return finish(.failed(APIError(.streamInterrupted))) }
        if translated == nil, let plan, let usage = stream.usageEvent(meteredTokens(plan).json) { last.writeImmutableBuffer(usage) }
        finish(.stream(last))
    }
}
