import Domain
import Telemetry
import PlimsollWire
import Exchange
import NIOCore
import Reactor
import OpenAIWire

extension RelayedRequest {
    // MARK: From the sink

    func clientGone() {
        takeSink()?.clientLeft()
        switch phase {
        case .admitting, .finishing, .over: break
        case .leasing:
            endLeaseWait()
            countRefused(.clientAbort)
        case .queued: finish(.clientGone)
        case .waiting, .held, .streaming:
            cancelAttempts()
            // What has been put together for an answer in one piece was never delivered.
            if headSent, let stream = attempt?.stream {
                tokens = stream.tokens
                deliveredTokens = stream.contentEvents
            }
            finish(.clientGone)
        }
    }

    /// Ends the request because the gateway stops: our fault, so nothing is billed.
    func cut() {
        isCut = true
        switch phase {
        case .admitting, .finishing, .over: break
        case .leasing:
            endLeaseWait()
            countRefused(.serverError)
            loop.metrics.countRefusal(status: 503)
            answerRefusal(APIError(.shuttingDown), retryAfter: 1_000_000)
        case .queued: finish(.failed(APIError(.shuttingDown)))
        case .waiting, .held, .streaming:
            cancelAttempts()
            finish(.failed(APIError(.shuttingDown)))
        }
    }

    /// In its minute; there will be no record of it.
    private func countRefused(_ outcome: Outcome) {
        guard let plan else { return }
        loop.meter.refuse(loop.subject(key, plan.model), outcome: outcome, acceptedAt: arriving.acceptedAt)
    }

    func clientWritable(_ isWritable: Bool) {
        clientIsSlow = !isWritable
        attempt?.setReading(isWritable)
        hedge?.setReading(isWritable)
        // The runtime was not read meanwhile: its time to the next token begins anew.
        if isWritable, case .streaming = phase { attempt?.deadline = Reactor.now + .seconds(Int64(loop.settings.interTokenTime)) }
    }

    /// The client has closed its half. If it closed both, these bytes bring a reset.
    func probeClient() {
        if headSent {
            writeComment()
        } else if !isFinishing {
            sink?.probe()
        }
    }

    var isFinishing: Bool {
        switch phase {
        case .finishing, .over: true
        default: false
        }
    }

    func tick(_ now: NIODeadline) {
        switch phase {
        case .admitting, .finishing, .over: return
        case .leasing(_, let end): if now >= end { retryLimits(isLast: true) } else { keepAlive(now) }
        case .queued, .held: keepAlive(now)
        case .waiting:
            if makesWay() { return }
            for running in [attempt, hedge] {
                if let running, running.worker.tally.isCut { return cut(running) }
                guard let running, now >= running.deadline else { continue }
                running.drop()
                return retry(running, .upstreamTimeout)
            }
            keepAlive(now)
            // An answer that has paused since before memory was short is known from here on.
            attempt?.makeRoom(after: 0)
        case .streaming:
            if makesWay() { return }
            if let attempt, attempt.worker.tally.isCut { return cut(attempt) }
            guard let attempt, !clientIsSlow else { return }
            attempt.look(now)
            guard now >= attempt.deadline else { return keepAlive(now) }
            attempt.drop()
            attempt.end(.broken)
            interrupted()
        }
    }

    /// A request of a protected tier would be late, and this one's place is asked for: it ends, and is not billed.
    private func makesWay() -> Bool {
        guard key.standing.yields, let attempt, attempt.worker.takesPlaceAsked(now: Reactor.now.microseconds) else { return false }
        loop.metrics.yields.increment()
        cancelAttempts()
        kept.retryAfter = spread(1_000_000)
        finish(.failed(APIError(.overCapacity)))
        return true
    }

    /// A drill cuts its worker off: as when its host is lost.
    private func cut(_ running: Attempt) {
        running.drop()
        attemptLost(running)
    }

    /// A stream that has nothing to say for long, before its first token or behind one, says that it lives.
    private func keepAlive(_ now: NIODeadline) {
        guard isStream, now - lastWrite >= .seconds(Int64(loop.settings.headHoldTime)) else { return }
        writeComment()
    }

    // MARK: To the client

    /// Sends the events that the attempt holds, behind the head if that has not been sent.
    func writeHeld() {
        guard let sink, let attempt, attempt.held.readableBytes > 0 else { return }
        guard let events = shaped(attempt.takeHeld()) else {
            attempt.cancel()
            return finish(.failed(APIError(.streamInterrupted)))
        }
        guard events.readableBytes > 0 else { return }
        lastWrite = Reactor.now
        sink.stream(takeHead(), events)
    }

    /// Events as the customer's API has them; nil when they cannot be told in it.
    func shaped(_ events: ByteBuffer) -> ByteBuffer? {
        plan?.sample?.take(events: events)
        guard let translated else { return events }
        return translated.events(events)
    }

    /// The head of a stream, the first time.
    private func takeHead() -> AnswerHead? {
        guard !headSent else { return nil }
        headSent = true
        var head = head
        head.isEventStream = true
        return head
    }

    private var head: AnswerHead {
        var head = AnswerHead(status: 200, requestId: arriving.requestId, standing: kept.standing)
        if let plan, plan.asked !== plan.model { head.servedModel = plan.model.entry.name }
        if let region = attempt?.worker.entry.region, region != loop.settings.region { head.servedRegion = region }
        head.shape = arriving.endpoint.errorShape
        return head
    }

    private func writeComment() {
        lastWrite = Reactor.now
        var head = takeHead()
        // Another worker may still answer.
        head?.servedRegion = nil
        sink?.stream(head, ByteBuffer(staticString: ": keep-alive\n\n"))
    }

    /// The last bytes, after the final record has been written.
    func end(_ ending: Ending) {
        let loop = loop
        loop.metrics.countOver()
        claim?.end(answered: sink != nil && ending.isAnswer)
        switch ending {
        case .clientGone: takeSink()?.abandon()
        case .whole(let body): takeSink()?.answer(head, body)
        case .stream(let events):
            takeSink()?.endStream(takeHead(), events, translated?.ending(metered, after: elapsed) ?? ByteBuffer(staticString: "data: [DONE]\n\n"))
        case .failed(let error) where headSent: endBroken(error)
        case .failed(let error):
            let error = error.told(in: arriving.endpoint.errorShape)
            let head = AnswerHead(error, arriving.requestId, standing: kept.standing, retryAfter: kept.retryAfter)
            takeSink()?.answer(head, ByteBuffer(bytes: error.body))
        }
        if let sample = plan?.sample { score(sample, ending) }
    }

    /// What has come of the answer, and that no more will.
    func endBroken(_ error: APIError) {
        let events = attempt.flatMap { shaped($0.takeHeld()) } ?? ByteBuffer()
        takeSink()?.endStream(nil, events, translated?.failure(error) ?? ByteBuffer(bytes: error.event))
    }
}
