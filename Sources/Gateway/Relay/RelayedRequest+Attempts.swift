import Telemetry
import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire

extension RelayedRequest {
    /// Attempts after errors and timeouts, the first one included.
    private static let mostAttempts = 3
    /// A request whose hosts are lost again and again may be what kills them.
    private static let mostLosses = 3
    /// One that runtimes die of is not tried on all of them.
    private static let mostRuntimeDeaths = 1

    /// Asks the chosen worker.
    func beginAttempt() {
        guard let worker, let plan else { return }
        attempts += 1
        phase = .waiting
        let request = ExchangeRequest(
            path: arriving.endpoint.runtimePath, requestId: arriving.requestId.description, worker: worker.entry.id,
            bodyStart: plan.start(
                quotedModel: worker.quotedServedModel, quotedSalt: arriving.key.quotedSalt,
                streams: plan.facts.stream || plan.mustAggregate(at: worker), using: &loop.edit), bodyRest: plan.rest)
        let time = plan.facts.stream ? loop.settings.firstTokenTime : loop.settings.answerTime
        let work = AttemptWork(
            promptTokens: max(plan.facts.estimatedPromptTokens - seat.cachedTokens, 0),
            outputTokens: min(plan.outputTokens, worker.tally.usualAnswer) * plan.facts.generated)
        if !seat.isTaken, let need { worker.force(need) }
        seat.isTaken = false
        let attempt = Attempt(at: worker, for: self, work: work, deadline: .now() + .seconds(Int64(time)))
        self.attempt = attempt
        if !attempt.start(request, isReading: !clientIsSlow) { lost(beforeRuntime: true, isFailure: false) }
    }

    /// Host or link was lost, or the agent never asked the runtime: another host is tried, outside the budget for retries while most of the
    /// model's workers are well.
    ///
    /// - Parameters:
    ///   - beforeRuntime: No runtime has seen the request. Without another host that is a want of capacity, not a failure of the model.
    ///   - isFailure: The worker is to blame.
    private func lost(beforeRuntime: Bool, isFailure: Bool) {
        if isFailure { attempt?.fail() } else { attempt?.end() }
        losses += 1
        let error = APIError(beforeRuntime ? .noWorkerAvailable : .hostLost)
        guard losses <= RelayedRequest.mostLosses, let next = otherQuestion(), mayMove(isFree: true) else { return finish(.failed(error)) }
        move(next, counting: loop.metrics.reroutes, else: error)
    }

    /// The worker failed or was too slow: another one is tried while the tenant's budget lasts.
    func retry(_ code: APIErrorCode) {
        attempt?.fail()
        guard attempts < RelayedRequest.mostAttempts, let next = otherQuestion(), mayMove(isFree: false) else {
            return finish(.failed(APIError(code)))
        }
        move(next, counting: loop.metrics.retries, else: APIError(code))
    }

    /// Whether a second try is worth its load. Where everybody fails it is not; where most do it comes out of the tenant's budget for retries.
    private func mayMove(isFree: Bool) -> Bool {
        guard let failed = attempt?.worker.tally else { return false }
        switch failed.poolHealth {
        case .failing: return false
        case .troubled: return arriving.key.limits.takeRetry(now: NIODeadline.now().microseconds)
        case .well: return isFree || arriving.key.limits.takeRetry(now: NIODeadline.now().microseconds)
        }
    }

    /// What is asked for instead of the worker that failed. Nil: there is no other, and its own host is not about to come back.
    private func otherQuestion() -> Router.Question? {
        guard sink != nil, var question, let failed = attempt?.worker else { return nil }
        question.triedHosts.append(failed.entry.host)
        question.lastProvider = failed.entry.provider
        question.now = NIODeadline.now().microseconds
        if question.isServed { return question }
        guard failed.address == nil, !failed.isReachable else { return nil }
        question.model.queue.noteReachable(now: question.now)
        question.triedHosts.removeAll { $0 == failed.entry.host }
        return question
    }

    /// To another worker, at once or when one has room.
    private func move(_ question: Router.Question, counting moves: CounterMetric, else error: APIError) {
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
        if runtimeDied { runtimeDeaths += 1 }
        guard runtimeDeaths <= RelayedRequest.mostRuntimeDeaths else {
            attempt.fail()
            loop.metrics.poisonRequests.increment()
            return finish(.failed(APIError(.runtimeLost)))
        }
        lost(beforeRuntime: beforeRuntime, isFailure: isFailure)
    }

    /// The worker failed.
    func attemptFailed(_ attempt: Attempt, _ code: APIErrorCode) {
        retry(code)
    }

    /// The runtime answered with an error.
    func attemptJudged(_ attempt: Attempt, _ verdict: UpstreamVerdict) {
        switch verdict {
        case .refused(let code):
            attempt.end()
            finish(.failed(APIError(code)))
        case .retry(let code): retry(code)
        }
    }

    /// Events with a token, or behind one, wait for the client: all that one read brought, so that one write takes them.
    func attemptHasEvents(_ attempt: Attempt) {
        guard let stream = attempt.stream else { return }
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
        if let attempt {
            let took = (NIODeadline.now() - attempt.began).nanoseconds / 1000
            question?.model.queue.notePrefill(promptTokens: plan?.likelyContextTokens ?? 0, took: took)
        }
        loop.metrics.firstToken.observe(Double(after) / 1_000_000)
    }

    /// An event was an error, or none.
    func attemptBroke(_ attempt: Attempt, _ failure: AnswerStream.Failure) {
        if case .streaming = phase {
            attempt.end()
            return finish(.failed(APIError(.streamInterrupted)))
        }
        switch failure {
        case .upstream(let verdict): attemptJudged(attempt, verdict)
        case .malformed: retry(.upstreamError)
        }
    }

    /// The stream ended, with or without `[DONE]`.
    func attemptStreamEnded(_ attempt: Attempt) {
        guard let stream = attempt.stream else { return attemptLost(attempt) }
        let isComplete = stream.sawDone || stream.finished >= (plan?.facts.answers ?? 1)
        if isComplete, stream.hasContent || stream.finished > 0 { return finishStream(stream, attempt) }
        if case .streaming = phase {
            attempt.end()
            return finish(.failed(APIError(.streamInterrupted)))
        }
        if isComplete { retry(.upstreamError) } else { attemptLost(attempt) }
    }

    private func finishStream(_ stream: AnswerStream, _ attempt: Attempt) {
        noteFirstToken(stream)
        attempt.end(isComplete: true)
        tokens = stream.tokens
        finishReason = stream.finishReason
        deliveredTokens = stream.contentEvents
        if let assembly = stream.assembly, let plan {
            return finish(.whole(ByteBuffer(bytes: assembly.json(quotedModel: plan.model.quotedName, usage: stream.shownTokens))))
        }
        guard var last = shaped(attempt.takeHeld()) else { return finish(.failed(APIError(.streamInterrupted))) }
        if let usage = stream.usageEvent { last.writeImmutableBuffer(usage) }
        finish(.stream(last))
    }
}
