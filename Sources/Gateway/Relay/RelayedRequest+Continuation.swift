import Domain
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire
import Telemetry

/// A stream that broke goes on at another worker, where the tier's terms allow it and the rest is exactly what would have come.
extension RelayedRequest {
    private static let mostContinuations = 2

    /// The stream broke after its first token, and the attempt is over.
    ///
    /// - Parameter isUnreadable: Its worker sent what is no answer, so that nobody knows whether what came before is one to go on from.
    func interrupted(isUnreadable: Bool = false) {
        if let known = attempt?.stream?.memory { memory = known }
        // What came in the same read as the fault.
        writeHeld()
        guard !isUnreadable, let plan, let continuation = plan.continuation, let memory, memory.isExact, sink != nil, !isCut, !isFinishing,
            kept.continuations < Self.mostContinuations, attempts < RelayedRequest.attemptLimit
        else { return finish(.failed(APIError(.streamInterrupted))) }
        guard memory.tokens < plan.outputTokens else { return endByLength(memory, plan) }
        // Another worker of the release speaks the same dialect.
        guard let dialect = attempt?.worker.entry.dialect, continuation.keeps(memory.text, at: dialect),
            memory.isCounted, let isPaid = payMove(isFree: true)
        else {
            return finish(.failed(APIError(.streamInterrupted)))
        }
        go(SecondTry(.continuation, isPaid: isPaid, else: APIError(.streamInterrupted)))
    }

    /// The stream goes on at another worker.
    func continueElsewhere(else error: APIError) {
        guard let next = continuationWorker() else { return finish(.failed(error)) }
        kept.continuations += 1
        loop.metrics.continuations.increment()
        memory?.resume()
        worker = next
        beginAttempt()
    }

    /// What is asked for instead of the worker that failed: only the same release says the same.
    func continuationQuestion() -> Router.Question? {
        guard var question, let failed = attempt?.worker else { return nil }
        question.triedHosts.append(failed.entry.host)
        question.lastProvider = failed.entry.provider
        question.release = failed.entry.release
        question.now = Reactor.now.microseconds
        return question
    }

    private func continuationWorker() -> Worker? {
        guard let question = continuationQuestion() else { return nil }
        self.question = question
        guard let next = loop.router.pick(question, using: &loop.random) else { return nil }
        if let need { seat.isTaken = next.take(need) }
        noteChoice()
        return next
    }

    /// The last token that was allowed has been delivered; only the end was lost.
    private func endByLength(_ memory: AnswerMemory, _ plan: RequestPlan) {
        guard memory.canHaveAll else { return finish(.failed(APIError(.streamInterrupted))) }
        finishReason = "length"
        deliveredTokens = min(memory.tokens, plan.outputTokens)
        var last = memory.lengthEvent(quotedModel: plan.model.quotedName)
        if plan.facts.includesUsage {
            last.writeImmutableBuffer(memory.usageEvent(meteredTokens(plan).json, quotedModel: plan.model.quotedName))
        }
        guard let told = shaped(last) else { return finish(.failed(APIError(.streamInterrupted))) }
        kept.continuations += 1
        finish(.stream(told))
    }
}
