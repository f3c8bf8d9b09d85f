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

    func beginAttempt() {
        guard let worker, let plan else { return }
        attempts += 1
        phase = .waiting
        answer = AttemptAnswer()
        let request = ExchangeRequest(
            path: arriving.endpoint.path, requestId: arriving.requestId.description, worker: worker.entry.id,
            bodyStart: plan.start(
                quotedModel: worker.quotedServedModel, quotedSalt: arriving.key.quotedSalt,
                streams: plan.facts.stream || plan.mustAggregate(at: worker), using: &loop.edit), bodyRest: plan.rest)
        let time = plan.facts.stream ? loop.settings.firstTokenTime : loop.settings.answerTime
        attemptDeadline = .now() + .seconds(Int64(time))
        worker.tally.begin()
        isAttempting = true
        if let address = worker.address {
            exchange = loop.pool(address).start(request, receiver: self)
        } else {
            exchange = loop.registry?.start(request, host: worker.entry.host, on: loop.eventLoop, receiver: self)
        }
        guard exchange != nil else { return lost(beforeRuntime: true) }
        if clientIsSlow { exchange?.setReading(false) }
    }

    /// The attempt is over, in whatever way.
    func endAttempt() {
        guard isAttempting else { return }
        isAttempting = false
        exchange = nil
        worker?.tally.finish()
    }

    /// Host or link was lost, or the agent never asked the runtime: another host is tried, outside the budget for retries.
    ///
    /// - Parameter beforeRuntime: No runtime has seen the request. Without another host that is a want of capacity, not a failure of the model.
    func lost(beforeRuntime: Bool = false) {
        endAttempt()
        losses += 1
        guard losses <= RelayedRequest.mostLosses, let next = otherWorker() else {
            return finish(.failed(APIError(beforeRuntime ? .noWorkerAvailable : .upstreamError)))
        }
        loop.metrics.reroutes.increment()
        move(to: next)
    }

    /// The worker failed or was too slow: another one is tried while the tenant's budget lasts.
    func retry(_ code: APIErrorCode) {
        worker?.tally.failed(now: NIODeadline.now().microseconds)
        endAttempt()
        guard attempts < RelayedRequest.mostAttempts, let next = otherWorker(),
            arriving.key.limits.takeRetry(now: NIODeadline.now().microseconds)
        else { return finish(.failed(APIError(code))) }
        loop.metrics.retries.increment()
        move(to: next)
    }

    /// Where the request could go now. It stays that of the worker that failed until it really moves.
    private func otherWorker() -> Worker? {
        guard connection != nil, var question, let failed = worker else { return nil }
        question.triedHosts.append(failed.entry.host)
        question.lastProvider = failed.entry.provider
        self.question = question
        return loop.router.pick(question, using: &loop.random)
    }

    private func move(to next: Worker) {
        worker = next
        held = ByteBuffer()
        beginAttempt()
    }

    func judged(_ verdict: UpstreamVerdict) {
        switch verdict {
        case .refused(let code):
            endAttempt()
            finish(.failed(APIError(code)))
        case .retry(let code): retry(code)
        }
    }
}

extension RelayedRequest: ExchangeReceiver {
    /// An attempt is under way. What an exchange says at any other time is about an attempt that has been given up.
    private var isUnderWay: Bool {
        switch phase {
        case .waiting, .streaming: isAttempting
        case .admitting, .finishing, .over: false
        }
    }

    func exchangeHead(_ head: ExchangeHead) {
        guard isUnderWay else { return }
        if head.refusal != nil {
            exchange?.cancel()
            return lost(beforeRuntime: true)
        }
        guard head.status == 200, head.isEventStream, let plan, let worker, isStream || plan.mustAggregate(at: worker) else {
            answer.form = .whole(status: head.status)
            return
        }
        answer.form = .events
        answer.stream = AnswerStream(plan, assembly: isStream ? nil : AnswerAssembly(isChat: arriving.endpoint == .chatCompletions))
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        guard isUnderWay else { return }
        switch answer.form {
        case .none: break
        case .whole(let status):
            let limit = status == 200 ? loop.settings.answerBytes : 64 * 1024
            guard answer.collected.readableBytes + bytes.readableBytes <= limit else {
                exchange?.cancel()
                return retry(.upstreamError)
            }
            if answer.collected.readableBytes == 0 {
                answer.collected = bytes
            } else {
                answer.collected.writeImmutableBuffer(bytes)
            }
        case .events: takeEvents(bytes)
        }
    }

    func exchangeReadComplete() {
        guard wroteThisTurn else { return }
        wroteThisTurn = false
        connection?.context?.flush()
    }

    func exchangeEnd() {
        guard isUnderWay else { return }
        exchange = nil
        switch answer.form {
        case .none: lost()
        case .whole(200): takeWhole()
        case .whole(let status):
            let verdict = answer.collected.withUnsafeReadableBytes { UpstreamError.judge(status: status, body: $0) }
            judged(verdict)
        case .events: streamEnded()
        }
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        guard isUnderWay else { return }
        exchange = nil
        if case .streaming = phase { return streamEnded() }
        if let stream = answer.stream, stream.sawDone { return streamEnded() }
        switch failure {
        case .malformed: retry(.upstreamError)
        case .timedOut: retry(.upstreamTimeout)
        case .connectFailed, .overloaded: lost(beforeRuntime: true)
        default: lost()
        }
    }

    /// An answer that was not streamed is complete.
    private func takeWhole() {
        guard !isStream, let plan else { return retry(.upstreamError) }
        let collected = answer.collected
        guard let scan = collected.withUnsafeReadableBytes({ AnswerScan.scan($0) }) else { return retry(.upstreamError) }
        if scan.error != nil { return judged(collected.withUnsafeReadableBytes { UpstreamError.judge(status: nil, body: $0) }) }
        worker?.tally.succeeded()
        endAttempt()
        if let usage = scan.usage { tokens.take(usage, isFinal: true) }
        if let reason = scan.finishReason { finishReason = collected.withUnsafeReadableBytes { FinishReason.known($0, reason) } }
        // Nothing counted its tokens on the way: four bytes of text to one.
        deliveredTokens = (scan.contentBytes + 3) / 4
        let isRenamed = collected.withUnsafeReadableBytes { bytes in
            scan.model.map { !bytes.holds(plan.model.quotedName, at: $0.lowerBound - 1..<$0.upperBound + 1) } ?? false
        }
        let usage = tokens.exceeds(plan.bound) ? tokens.bounded(by: plan.bound).json : nil
        guard isRenamed || usage != nil else { return finish(.whole(collected)) }
        var rewritten = ByteBufferAllocator().buffer(capacity: collected.readableBytes + 64)
        collected.withUnsafeReadableBytes { bytes in
            rewritten.writeAnswer(bytes, scan, quotedModel: plan.model.quotedName, dropsUsage: false, usage: usage)
        }
        finish(.whole(rewritten))
    }

    private func takeEvents(_ bytes: ByteBuffer) {
        do throws(AnswerStream.Failure) {
            try answer.stream?.take(bytes) { piece in
                if held.readableBytes == 0 { held = piece } else { held.writeImmutableBuffer(piece) }
            }
        } catch {
            exchange?.cancel()
            return streamFailed(error)
        }
        guard let stream = answer.stream else { return }
        if stream.assembly != nil { return held = ByteBuffer() }
        if case .streaming = phase {
            deliveredTokens = stream.contentEvents
            return writeHeld()
        }
        guard stream.hasContent || stream.finished > 0 else {
            if held.readableBytes > 256 * 1024 {
                exchange?.cancel()
                retry(.upstreamError)
            }
            return
        }
        firstToken(stream)
    }

    private func firstToken(_ stream: AnswerStream) {
        phase = .streaming
        if stream.hasContent {
            let after = elapsed
            firstTokenAfter = after
            loop.metrics.firstToken.observe(Double(after) / 1_000_000)
        }
        deliveredTokens = stream.contentEvents
        writeHeld()
    }

    private func streamFailed(_ failure: AnswerStream.Failure) {
        if case .streaming = phase {
            endAttempt()
            return finish(.failed(APIError(.streamInterrupted)))
        }
        switch failure {
        case .upstream(let verdict): judged(verdict)
        case .malformed: retry(.upstreamError)
        }
    }

    /// The stream ended, with or without `[DONE]`.
    private func streamEnded() {
        guard let stream = answer.stream else { return lost() }
        let isComplete = stream.sawDone || stream.finished >= (plan?.facts.answers ?? 1)
        if isComplete, stream.hasContent || stream.finished > 0 {
            worker?.tally.succeeded()
            endAttempt()
            tokens = stream.tokens
            finishReason = stream.finishReason
            return finishStream(stream)
        }
        if case .streaming = phase {
            endAttempt()
            return finish(.failed(APIError(.streamInterrupted)))
        }
        if isComplete { retry(.upstreamError) } else { lost() }
    }

    private func finishStream(_ stream: AnswerStream) {
        deliveredTokens = stream.contentEvents
        if let assembly = stream.assembly, let plan {
            return finish(.whole(ByteBuffer(bytes: assembly.json(quotedModel: plan.model.quotedName, usage: stream.shownTokens))))
        }
        if let usage = stream.usageEvent { held.writeImmutableBuffer(usage) }
        finish(.stream)
    }
}
