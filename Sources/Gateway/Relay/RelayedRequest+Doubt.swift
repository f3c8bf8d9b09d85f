import Domain
import NIOCore
import OpenAIWire
import Reactor
import Telemetry

/// What the first worker said of a request that passed all checks of the gateway's own.
struct DoubtedRefusal {
    let worker: Worker
    let code: APIErrorCode
}

/// A worker that refuses what others answer is broken, and idle: it would be chosen before all that work. So another one is asked once, before the
/// client has seen anything.
extension RelayedRequest {
    var doubted: DoubtedRefusal? { kept.doubted }

    /// The worker says that the request is at fault.
    func refused(_ attempt: Attempt, _ code: APIErrorCode) {
        attempt.end(.refused)
        if case .streaming = phase { return interrupted() }
        guard doubted == nil else { return finish(.failed(APIError(code))) }
        if hedge != nil {
            kept.doubted = DoubtedRefusal(worker: attempt.worker, code: code)
            _ = leavesItToOther(attempt)
            return
        }
        cancelAttempts()
        guard mayDoubt(), let question = otherQuestion(), question.isServed, key.limits.takeDoubt(now: question.now) else {
            return finish(.failed(APIError(code)))
        }
        guard seekFreePlace(question) else {
            key.limits.giveBackDoubt(now: question.now)
            return finish(.failed(APIError(code)))
        }
        kept.doubted = DoubtedRefusal(worker: attempt.worker, code: code)
        kept.paysDoubt = true
        nextReason = .retry
        loop.metrics.retries.increment()
        beginAttempt()
    }

    /// Where many workers fail their load matters more.
    private func mayDoubt() -> Bool {
        guard kept.failures + 1 < RelayedRequest.mostFailures, attempts < RelayedRequest.attemptLimit, let worker = attempt?.worker else {
            return false
        }
        return poolHealth(of: worker) == .well && loop.outages.isCalm
    }

    /// Another worker answers: the one that refused has failed, as one has that answers with an error.
    func settleDoubt() {
        guard let doubted else { return }
        kept.doubted = nil
        let now = Reactor.now.microseconds
        doubted.worker.tally.failed(now: now)
        if kept.paysDoubt { key.limits.giveBackDoubt(now: now) }
    }
}
