import Domain
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire
import Telemetry

/// The way to a place at a worker, through the queue where workers are full.
extension RelayedRequest {
    enum Search {
        /// `worker` is chosen and a place there is taken.
        case found
        case waits
        case refused(RequestQueue.Refusal)
        /// No worker can be reached.
        case unreachable
    }

    /// As often a place that was free is taken by somebody else, before the request waits.
    private static let mostTries = 3

    var need: PlaceNeed? { question?.need }

    private var service: ServiceClass { plan?.facts.isBatch ?? false ? .batch : .interactive }

    private var line: QueuedRequest.Line { QueuedRequest.Line(tier: key.tier.name, service: service) }

    private var hold: Int64 { Int64(loop.settings.hostReturnTime) * 1_000_000 }

    /// Looks for a place; without one it waits, if it may.
    func seekPlace(_ question: Router.Question, now: Int64) -> Search {
        self.question = question
        let queue = question.model.queue
        if let need = question.need { queue.note(need, now: now) }
        if queue.isEmpty, takePlace(question) { return .found }
        guard question.isServed || ModelQueue.mayReturn(question.lane.workers, within: hold, now: now) else {
            return .unreachable
        }
        return enter(queue, question, deadline: deadline(queue), now: now)
    }

    /// A worker that the request has not been at was there a moment ago.
    func mayReturn(to question: Router.Question) -> Bool {
        ModelQueue.mayReturn(question.lane.workers.filter(question.suits), within: hold, now: question.now)
    }

    private func takePlace(_ question: Router.Question) -> Bool {
        guard let need = question.need, question.model.queue.leavesHeadroom(question) else { return false }
        for _ in 0..<RelayedRequest.mostTries {
            guard let next = loop.router.pick(question, using: &loop.random) else { return noteNone() }
            guard next.take(need) else { continue }
            worker = next
            seat.isTaken = true
            noteChoice()
            return true
        }
        return false
    }

    /// The router's last choice is this request's.
    func noteChoice() {
        seat.cachedTokens = loop.router.cachedTokens
        trace.note(loop.router.choice)
        if trace.choiceCount == 1 { trace.cachedTokens = loop.router.cachedTokens }
    }

    /// There was none to choose: what stood against the workers is kept until one is found.
    private func noteNone() -> Bool {
        if trace.choiceCount == 0 { trace.note(loop.router.choice) }
        return false
    }

    /// Begun later than this it would miss its objective.
    private func deadline(_ queue: ModelQueue) -> Int64 {
        let rules = key.standing.rules
        let started = arriving.started.microseconds
        if service == .batch { return started + rules.batchDeadline - queue.holdTime }
        if let wait = rules.wait { return started + wait }
        let prefill = queue.prefill(promptTokens: plan?.likelyContextTokens ?? 0)
        return started + key.tier.ttftObjectiveMicroseconds - prefill
    }

    private func enter(_ queue: ModelQueue, _ question: Router.Question, deadline: Int64, now: Int64) -> Search {
        guard let plan, let need = question.need else { return .unreachable }
        let waiting = ModelQueue.Waiting(
            request: NIOLoopBound(self, eventLoop: loop.eventLoop), eventLoop: loop.eventLoop, question: question, need: need)
        let request = QueuedRequest(
            line: line, rules: key.standing.rules, tenant: key.tenant.id, promptTokens: plan.facts.estimatedPromptTokens,
            outputTokens: plan.outputTokens * plan.facts.generated, bytes: plan.rest.readableBytes, arrived: arriving.started.microseconds,
            deadline: deadline)
        switch queue.enter(request, waiting, hold: hold, now: now) {
        case .refused(let refusal): return .refused(refusal)
        case .waits(let ticket, _):
            seat.ticket = ticket
            seat.queuedBytes = request.bytes
            seat.waitsSince = now
            loop.metrics.queued.add(1)
            loop.metrics.queuedBytes.add(Double(request.bytes))
            return .waits
        }
    }

    // MARK: From the queue

    /// A place at this worker is the request's.
    func placed(at next: Worker, expected: ServedTokens) {
        guard seat.ticket != nil else { return giveBack(next) }
        leftQueue()
        worker = next
        seat.isTaken = true
        seat.expected = expected
        if var question {
            question.now = Reactor.now.microseconds
            loop.router.adopt(question, next)
        }
        noteChoice()
        guard case .queued = phase else { return }
        beginAttempt()
    }

    /// The queue gives it up: too late, or its place goes to somebody who has fewer.
    func turnedAway(_ error: APIError, retryAfter: Int64) {
        guard seat.ticket != nil else { return }
        leftQueue()
        kept.retryAfter = spread(retryAfter)
        loop.metrics.countTurnedAway(error)
        if case .queued = phase { finish(.failed(error)) } else { seat.refusal = error }
    }

    private func leftQueue() {
        seat.ticket = nil
        loop.metrics.queued.add(-1)
        loop.metrics.queuedBytes.add(-Double(seat.queuedBytes))
        let waited = Reactor.now.microseconds - (seat.waitsSince ?? 0)
        seat.waited += waited
        loop.metrics.queueWait.observe(Double(waited) / 1_000_000)
    }

    /// So that those who were refused together do not come back together.
    func spread(_ time: Int64) -> Int64 { Int64.random(in: time...time * 3 / 2, using: &loop.random) }

    // MARK: Places

    /// After a loss or a failure: another worker with room, or the queue again, behind nobody's deadline but its own.
    func seekAnotherPlace(_ question: Router.Question) -> Search {
        self.question = question
        let queue = question.model.queue
        if queue.isEmpty, takePlace(question) { return .found }
        return enter(queue, question, deadline: max(deadline(queue), question.now + hold), now: question.now)
    }

    /// Another worker with room, where nobody waits for one.
    func seekFreePlace(_ question: Router.Question) -> Bool {
        self.question = question
        return question.model.queue.isEmpty && takePlace(question)
    }

    /// An attempt has left its worker.
    func left(_ worker: Worker, after held: Int64) {
        guard let need, let queue = question?.model.queue else { return }
        worker.tally.free(need)
        queue.freed(worker, held: held, now: Reactor.now.microseconds)
    }

    private func giveBack(_ worker: Worker) {
        guard let need, let queue = question?.model.queue else { return }
        worker.tally.free(need)
        queue.freed(worker, held: queue.holdTime, now: Reactor.now.microseconds)
    }

    /// The request is over before it was begun, or while it waited.
    func vacate() {
        if let ticket = seat.ticket {
            question?.model.queue.leave(ticket, now: Reactor.now.microseconds)
            leftQueue()
        }
        guard seat.isTaken, let worker else { return }
        seat.isTaken = false
        giveBack(worker)
    }

    /// What it really used is charged to its tenant's share of the queue.
    func settleShare(prompt: Int, cached: Int, output: Int) {
        guard let expected = seat.expected else { return }
        question?.model.queue.settle(
            line, tenant: key.tenant.id, expected: expected, used: ServedTokens(prompt: prompt, cached: cached, output: output))
    }
}
