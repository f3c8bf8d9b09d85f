import Domain
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire
import Telemetry

/// A stream whose first token is late is asked of a second worker too; the first token wins, the other is cancelled, and one is billed.
extension RelayedRequest {
    /// Microseconds; waiting for less is noticed by nobody.
    private static let leastWait: Int64 = 200_000

    /// The request has been sent for the first time.
    func awaitFirstToken() {
        guard isStream, attempts == 1, let plan, let share = key.tier.hedgePpm, share > 0 else { return }
        let desk = loop.hedgeDesk(model: plan.model.entry.name, tier: key.tier.name, share: share)
        hedgeDesk = desk
        desk.budget.noteRequest(promptTokens: plan.facts.estimatedPromptTokens, now: Reactor.now.microseconds)
        guard let late = desk.times.late(promptTokens: plan.facts.estimatedPromptTokens) else { return }
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        hedgeTimer = loop.eventLoop.scheduleTask(in: .microseconds(max(late, Self.leastWait))) { bound.value.hedgeIfLate() }
    }

    private func hedgeIfLate() {
        hedgeTimer = nil
        guard case .waiting = phase, hedge == nil, let plan, let first = attempt, !first.isOver, sink != nil, !isCut, var question,
            let desk = hedgeDesk
        else { return }
        question.triedHosts.append(first.worker.entry.host)
        question.lastProvider = first.worker.entry.provider
        question.now = Reactor.now.microseconds
        let tokens = plan.facts.estimatedPromptTokens
        // Nobody's second worker goes before somebody's first.
        guard first.worker.tally.poolHealth == .well, question.model.queue.isEmpty, question.model.queue.leavesHeadroom(question),
            desk.unanswered < HedgeDesk.mostUnanswered,
            let second = loop.router.pick(question, remembers: false, using: &loop.random),
            desk.budget.take(promptTokens: tokens, share: desk.share, now: question.now)
        else { return }
        // What is not sent costs nothing.
        guard let need, second.take(need) else { return desk.budget.giveBack(promptTokens: tokens) }
        seat.isTaken = true
        noteChoice()
        hedge = startedAttempt(at: second)
        guard hedge != nil else { return desk.budget.giveBack(promptTokens: tokens) }
        loop.metrics.hedges.increment()
        desk.unanswered += 1
    }

    /// An attempt brings something of an answer, while one is awaited or while it is judged what the death of the other one means.
    func settleFirst(on attempt: Attempt) {
        if case .held = phase { phase = .waiting }
        if case .waiting = phase { settle(on: attempt) }
    }

    /// An attempt brought the first token: the other one, if there is one, is given up.
    private func settle(on winner: Attempt) {
        settleDoubt()
        settleRetries()
        hedgeTimer?.cancel()
        hedgeTimer = nil
        guard let other = hedge else { return }
        hedge = nil
        if winner === other {
            loop.metrics.hedgeWins.increment()
            rememberWinner(winner.worker)
            attempt?.cancel()
            attempt = winner
            worker = winner.worker
        } else {
            other.cancel()
        }
    }

    /// A hedge leaves the conversation where it was, unless its worker is the one that has read the prompt.
    private func rememberWinner(_ worker: Worker) {
        guard var question else { return }
        question.now = Reactor.now.microseconds
        loop.router.remember(question, worker)
    }

    /// One of two attempts has ended without an answer; the other one goes on alone. False when there is no other.
    func leavesItToOther(_ failed: Attempt) -> Bool {
        guard let other = hedge else { return false }
        hedge = nil
        question?.triedHosts.append(failed.worker.entry.host)
        guard failed !== other else { return true }
        if !other.isOver { rememberWinner(other.worker) }
        attempt = other
        worker = other.worker
        return true
    }

    /// Nothing more is awaited of any worker.
    func cancelAttempts() {
        hedgeTimer?.cancel()
        hedgeTimer = nil
        hedge?.cancel()
        hedge = nil
        attempt?.cancel()
    }

    func noteFirstTokenForHedging(after: Int64) {
        guard let desk = hedgeDesk, let plan else { return }
        desk.unanswered = 0
        desk.times.note(promptTokens: plan.facts.estimatedPromptTokens, after: after)
    }
}
