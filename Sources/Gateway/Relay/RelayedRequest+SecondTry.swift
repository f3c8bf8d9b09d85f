import Domain
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire

/// What a request does after an attempt that failed, as soon as it may.
struct SecondTry {
    let reason: RoutingAttempt.Reason
    /// What its client is told if it may not.
    let error: APIError
    /// It is free, or paid out of its tenant's budget. Otherwise it waits for news of others, and goes as the gateway's budget pays.
    let isPaid: Bool

    init(_ reason: RoutingAttempt.Reason, isPaid: Bool = true, else error: APIError) {
        self.reason = reason
        self.error = error
        self.isPaid = isPaid
    }

    var trouble: OutageWatch.Trouble { reason == .continuation ? .brokenStream : .noAnswer }
}

extension RelayedRequest {
    /// For a request whose first token was awaited as long as that may take.
    private static let leastHold = TimeAmount.seconds(5)

    /// A second try, at once or when it is known that others are answered.
    func go(_ next: SecondTry) {
        guard let failed = attempt?.worker else { return finish(.failed(next.error)) }
        switch takeMove(next, from: failed) {
        case .now: make(next)
        case .never: finish(.failed(next.error))
        case .later where hasOthers(for: next): hold(next)
        case .later: finish(.failed(next.error))
        }
    }

    /// One that its tenant did not pay for goes when another worker has answered since, or when the one that failed is out of rotation, and only as the
    /// gateway's budget pays.
    private func takeMove(_ next: SecondTry, from failed: Worker) -> OutageWatch.Move {
        loop.outages.takeMove(
            failed.entry.model, next.trouble, isPaid: next.isPaid, awaitsNews: !next.isPaid && !failed.tally.isAvoided,
            now: Reactor.now.microseconds)
    }

    private func hold(_ next: SecondTry) {
        let until = max(arriving.started + .seconds(Int64(loop.settings.firstTokenTime)), Reactor.now + Self.leastHold)
        let isStreaming = if case .streaming = phase { true } else { false }
        guard loop.heldTries.add(self, HeldTry(next, isStreaming: isStreaming, until: until)) else { return finish(.failed(next.error)) }
        phase = .held
    }

    /// There may be news. False: it waits on.
    func heldTryMayGo(_ held: HeldTry) -> Bool {
        guard case .held = phase, let failed = attempt?.worker else { return true }
        let move = poolHealth(of: failed) == .failing ? .never : takeMove(held.next, from: failed)
        if move == .later, Reactor.now < held.until, hasOthers(for: held.next) { return false }
        phase = held.isStreaming ? .streaming : .waiting
        if move == .now { make(held.next) } else { finish(.failed(held.next.error)) }
        return true
    }

    /// Somebody can be asked, or is about to come back. Otherwise there is no news to wait for.
    private func hasOthers(for next: SecondTry) -> Bool {
        guard next.reason == .continuation else { return otherQuestion() != nil }
        guard let question = continuationQuestion() else { return false }
        return question.isServed || mayReturn(to: question)
    }

    private func make(_ next: SecondTry) {
        nextReason = next.reason
        if next.reason == .continuation { return continueElsewhere(else: next.error) }
        guard let question = otherQuestion() else { return finish(.failed(next.error)) }
        move(question, counting: next.reason == .retry ? loop.metrics.retries : loop.metrics.reroutes, else: next.error)
    }
}
