import Telemetry
import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import Reactor
import NIOPosix
import OpenAIWire

/// One admitted request on its way: admission record, attempts at workers, answer to the client, final record. Lives on one loop.
///
/// Order that the bill rests on: the admission is on disk before a byte goes upstream, the final record before the last byte goes to the
/// client. Until the first token an attempt that fails is repeated elsewhere; after it, failures are told in the stream.
final class RelayedRequest {
    enum Phase {
        /// This gateway holds nothing of a quota yet and has asked for a lease; until then it waits to be admitted.
        case leasing(since: NIODeadline, until: NIODeadline)
        /// The admission record is being written.
        case admitting
        /// It waits for a place at a worker.
        case queued
        /// An attempt runs and the client has seen nothing of an answer.
        case waiting
        /// Its attempt failed, and whether another one is made depends on what others meet.
        case held
        /// A token has gone to the client.
        case streaming
        /// The final record is being written; then `ending` is done.
        case finishing
        case over
    }

    enum Ending {
        /// A whole answer that was not streamed.
        case whole(ByteBuffer)
        /// The stream is complete but for its last events.
        case stream(ByteBuffer)
        case failed(APIError)
        case clientGone

        var isAnswer: Bool {
            switch self {
            case .whole, .stream: true
            case .failed, .clientGone: false
            }
        }
    }

    enum RecordTag: UInt32 {
        case admission
        case final
    }

    let arriving: ArrivingRequest
    let key: CustomerKey
    let loop: GatewayLoop
    /// Nil when the client is gone or has its answer.
    var sink: (any AnswerSink)?
    var phase = Phase.admitting
    /// While the final record is being written.
    var ending: Ending?
    var plan: RequestPlan?
    /// Until its end is recorded.
    var admission: Admission?
    var sequence: Int64 = 0
    /// What was taken of the limits; nil before and after.
    var reservation: LimitReservation?
    /// The price that held at acceptance.
    var price: PriceVersion?
    /// Nil without an idempotency key.
    var claim: IdempotencyClaim?
    // Attempts.
    var question: Router.Question?
    var seat = Seat()
    /// Where the next attempt goes.
    var worker: Worker?
    /// The present or the last one.
    var attempt: Attempt?
    var attempts = 0
    var losses = 0
    var runtimeDeaths = 0
    /// A second one beside it, because the first token is late.
    var hedge: Attempt?
    var hedgeTimer: Scheduled<Void>?
    /// Nil where the tier does not hedge.
    var hedgeDesk: HedgeDesk?
    /// What the client has of a stream that goes on at another worker.
    var memory: AnswerMemory?
    /// Why the next attempt is made.
    var nextReason = RoutingAttempt.Reason.first
    let kept = KeptTrace()
    // The answer to the client.
    var headSent = false
    var firstTokenAfter: Int64?
    var lastWrite: NIODeadline
    /// Nil where the runtime's answer is the customer's.
    var translated: TranslatedAnswer?
    var tokens = AnswerTokens()
    /// As they were recorded.
    var metered = MeteredTokens(prompt: 0, completion: 0)
    var finishReason: String?
    /// The gateway's own count of what the client was sent.
    var deliveredTokens = 0
    var clientIsSlow = false
    /// The gateway stops.
    var isCut = false

    init(_ arriving: ArrivingRequest, sink: any AnswerSink, loop: GatewayLoop) {
        self.arriving = arriving
        key = arriving.key
        self.sink = sink
        self.loop = loop
        lastWrite = arriving.started
    }

    var trace: RoutingTrace {
        _read { yield kept.trace }
        _modify { yield &kept.trace }
    }

    var isStream: Bool { plan?.facts.stream ?? false }

    /// Microseconds since acceptance.
    var elapsed: Int64 { (Reactor.now - arriving.started).nanoseconds / 1000 }

    // MARK: Admission

    func start(body: consuming ByteBuffer) {
        if let captures = arriving.captures { return answerCaptures(captures, body) }
        if let key = arriving.idempotencyKey { return claim(key, consume body) }
        take(consume body)
    }

    func take(_ body: consuming ByteBuffer) {
        if body.readableBytes >= LargeBody.least { return readAside(consume body) }
        if isRefusedUnmasked(body) { return }
        if key.masking != nil, body.readableBytes >= LargeBody.leastMasked { return readAside(consume body) }
        var body = body
        let asItCame = mask(&body)
        let captured = key.captures == nil ? nil : body
        do throws(APIError) {
            let plan = try RequestPlan.make(consume body, arriving: arriving, loop: loop)
            let judgement: RuleDesk.Judgement? = if let asItCame { try loop.judge(asItCame, arriving) } else { nil }
            try begin(plan, judgement)
        } catch {
            captureRefused(captured)
            refuse(error)
        }
    }

    private func applyRules(_ plan: RequestPlan, _ judgement: RuleDesk.Judgement?) throws(APIError) {
        do throws(APIError) {
            try loop.applyRules(to: plan, key, judgement)
        } catch {
            loop.meter.refuse(loop.subject(key, plan.model), outcome: .prohibited, acceptedAt: arriving.acceptedAt)
            throw error
        }
    }

    /// Until it has been read the request is not admitted: a client that leaves meanwhile leaves nothing behind.
    private func readAside(_ body: consuming ByteBuffer) {
        loop.metrics.edge.bodiesAside.increment()
        let large = LargeBody(body, limits: loop.settings.json)
        let checks = PromptChecks(key)
        let reading = loop.readers.threads.runIfActive(eventLoop: loop.eventLoop) { [endpoint = arriving.endpoint, desks = loop.readers] in
            large.read(endpoint, checks, desks)
        }
        reading.assumeIsolated().whenComplete { self.wasRead($0, large) }
    }

    private func wasRead(_ reading: Result<LargeBody.Findings, any Error>, _ large: LargeBody) {
        guard sink != nil else { return phase = .over }
        var captured: ByteBuffer?
        do throws(APIError) {
            // Without readers the gateway has stopped.
            guard !isCut, case .success(let findings) = reading else { throw APIError(.shuttingDown) }
            wear(findings.mask)
            let found = try findings.reading.get()
            let body = large.take()
            if key.captures != nil { captured = body }
            let plan = try RequestPlan.make(consume body, found.facts, found.words, scan: found.scan, arriving: arriving, loop: loop)
            try begin(plan, findings.judgement)
        } catch {
            let body = captured ?? large.take()
            countOwnFault(error, body)
            captureRefused(key.captures == nil ? nil : body)
            refuse(error)
        }
    }

    /// - Parameter judgement: What rules say of it, where another thread has held it against them, or its text before it was masked.
    private func begin(_ plan: RequestPlan, _ judgement: RuleDesk.Judgement? = nil) throws(APIError) {
        self.plan = plan
        translated = TranslatedAnswer.of(plan, arriving)
        capture(plan)
        try applyRules(plan, judgement)
        try applyRelief(plan)
        admit(plan)
    }

    /// Before it was admitted.
    func refuse(_ error: APIError) {
        let now = arriving.started.microseconds
        if let refusal = loop.takePlace(of: error, key, now: now, acceptedAt: arriving.acceptedAt) { return refuseCall(refusal) }
        loop.metrics.countRefusal(status: error.status)
        answerRefusal(error, retryAfter: kept.retryAfter)
    }

    private func admit(_ plan: RequestPlan) {
        let subject = loop.subject(key, plan.model)
        let now = arriving.started.microseconds
        price = subject.price(isBatch: plan.facts.isBatch, at: arriving.acceptedAt)
        let key = key
        switch key.limits.reserve(plan.ask(price, now: now)) {
        case .refused(let refusal):
            if awaitLease(refusal.fault) { return }
            return refuse(refusal, subject)
        case .granted(let reservation, let standing):
            self.reservation = reservation
            kept.standing = standing
        }
        admitted(plan, subject, now: now)
    }

    /// The limits have room: a worker is chosen and the admission recorded.
    func admitted(_ plan: RequestPlan, _ subject: UsageSubject, now: Int64) {
        let loop = loop
        let question = question(plan)
        switch seekPlace(question, now: now) {
        case .found, .waits: break
        case .refused(let refusal):
            releaseLimits(now: now)
            return refuseEarly(refusal, subject)
        case .unreachable:
            releaseLimits(now: now)
            return refuseUnrouted(question, subject, plan)
        }
        let admission = Admission(
            requestId: arriving.requestId, subject: subject, acceptedAt: arriving.acceptedAt, stream: plan.facts.stream,
            batchDeadline: plan.facts.isBatch ? key.standing.rules.batchDeadline : nil)
        self.admission = admission
        phase = .admitting
        loop.metrics.countAdmitted()
        trace.promptTokens = plan.facts.estimatedPromptTokens
        sequence = loop.record(admission, of: self)
    }

    private func question(_ plan: RequestPlan) -> Router.Question {
        let (affinity, salt) = (plan.affinity, key.affinitySalt)
        var question = Router.Question(
            model: plan.model.route(for: plan.likelyContextTokens), rules: key.rules, contextTokens: plan.facts.leastPromptTokens,
            likelyTokens: plan.likelyContextTokens)
        question.conversation = PromptAffinity.salted(affinity.conversation, salt)
        question.opening = PromptAffinity.salted(affinity.opening, salt)
        question.openingTokens = affinity.openingBytes / 4
        question.now = arriving.started.microseconds
        let standing = key.standing
        question.need = PlaceNeed(
            tokens: plan.cacheTokens,
            slotPercent: Int32(
                min(standing.slotPercent, plan.facts.isBatch ? key.relief?.batchPercent(plan.asked.entry.name) ?? 100 : 100)),
            reserved: standing.reserved, yields: standing.yields, tenant: key.affinitySalt, rank: standing.place,
            tenantSharePercent: standing.rules.tenantSharePercent)
        return question
    }

    /// Workers are full, and its turn would come too late.
    private func refuseEarly(_ refusal: RequestQueue.Refusal, _ subject: UsageSubject) {
        loop.meter.refuse(subject, outcome: .shed, acceptedAt: arriving.acceptedAt)
        loop.metrics.countTurnedAway(refusal.reason)
        loop.metrics.countRefusal(status: 429)
        answerRefusal(APIError(.overCapacity), retryAfter: spread(refusal.retryAfter))
    }

    /// No worker takes it: none can now, or none ever could.
    private func refuseUnrouted(_ question: Router.Question, _ subject: UsageSubject, _ plan: RequestPlan) {
        let isTooLong = question.model.isTooLong(question.contextTokens, under: question.rules)
        let error = isTooLong ? APIError(.contextLengthExceeded, param: plan.facts.promptParam) : APIError(.noWorkerAvailable)
        loop.meter.refuse(subject, outcome: isTooLong ? .overLimit : Outcome(error.code.fault), acceptedAt: arriving.acceptedAt)
        loop.metrics.countRefusal(status: error.status)
        // Up to a second, which is what clients that read whole seconds are told.
        answerRefusal(error, retryAfter: isTooLong ? nil : spread(666_666))
    }

    func refuse(_ refusal: LimitRefusal, _ subject: UsageSubject) {
        kept.standing = refusal.standing
        if !isUndecided(refusal, subject) { loop.meter.refuse(subject, outcome: refusal.fault.outcome, acceptedAt: arriving.acceptedAt) }
        loop.metrics.rateLimited.increment()
        loop.metrics.limits.count(refusal.fault.kind)
        loop.metrics.countRefusal(status: 429)
        let answer = LimitAnswer(refusal, key)
        // Of one lease not all who were refused without it can have a part at once.
        answerRefusal(
            answer.error, retryAfter: refusal.fault.mayBeLeased || refusal.fault.isAbovePart ? answer.retryAfter.map(spread) : answer.retryAfter)
    }

    /// Of a request that was never admitted.
    private func releaseLimits(now: Int64) {
        guard let reservation else { return }
        self.reservation = nil
        key.limits.release(reservation, now: now)
    }

    /// For requests that were never admitted: no record.
    func answerRefusal(_ error: APIError, retryAfter: Int64?) {
        phase = .over
        claim = nil
        explainRefusal(error, retryAfter: retryAfter)
        // While it waited for a lease the client was told that the gateway lives.
        guard !headSent else { return endBroken(error) }
        let error = error.told(in: arriving.errorShape)
        let head = AnswerHead(error, arriving.requestId, standing: kept.standing, retryAfter: retryAfter)
        takeSink()?.answer(head, ByteBuffer(bytes: error.body))
    }

    /// The answer ends with the next call; the sink must not be asked for anything after it.
    func takeSink() -> (any AnswerSink)? {
        let last = sink
        sink = nil
        return last
    }
}

extension GatewayLoop {
    fileprivate func record(_ admission: Admission, of request: RelayedRequest) -> Int64 {
        meter.admit(admission, routing: request.kept, waiter: request, tag: RelayedRequest.RecordTag.admission.rawValue)
    }
}

extension RelayedRequest: MeterWaiter {
    func meterWrote(tag: UInt32, succeeded: Bool) {
        switch phase {
        case .admitting where tag == RecordTag.admission.rawValue:
            guard succeeded else { return admissionFailed() }
            guard sink != nil else { return finish(.clientGone) }
            guard !isCut else { return finish(.failed(APIError(.shuttingDown))) }
            proceed()
        case .finishing where tag == RecordTag.final.rawValue:
            phase = .over
            guard let ending = ending.take() else { return }
            countEnd(ending, isRecorded: succeeded)
            if succeeded { end(ending) } else { end(unrecorded(ending)) }
        default: break
        }
    }

    /// The admission is on disk.
    private func proceed() {
        if let refusal = seat.refusal { return finish(.failed(refusal)) }
        if isStream, let admission { loop.meter.awaitFirstToken(sequence, admission.subject, since: arriving.started) }
        if seat.isTaken { beginAttempt() } else { phase = .queued }
    }

    private func admissionFailed() {
        vacate()
        guard let admission else { return }
        loop.meter.refuse(admission.subject, outcome: .serverError, acceptedAt: admission.acceptedAt)
        releaseLimits(now: Reactor.now.microseconds)
        loop.metrics.countOver()
        loop.metrics.countRefusal(status: 503)
        answerRefusal(APIError(.meteringUnavailable), retryAfter: spread(5_000_000))
    }

    /// What was not recorded must not look finished.
    private func unrecorded(_ ending: Ending) -> Ending {
        if case .clientGone = ending { return ending }
        return .failed(APIError(.meteringUnavailable))
    }
}
