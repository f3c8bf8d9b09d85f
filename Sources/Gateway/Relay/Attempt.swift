import Domain
import Exchange
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire
import PlimsollWire

/// One try at a worker: its exchange, and what has come back of it. Lives on its request's loop.
///
/// It reads the answer and tells the request what that means; what is done about it, the request decides. A request may have several
/// attempts, one after the other or side by side.
final class Attempt {
    enum Form {
        case none
        /// Collected whole: answers that are not streamed, and errors.
        case whole(status: Int)
        case events
    }

    let worker: Worker
    /// Nil when the attempt is over, so that neither keeps the other.
    private(set) var request: RelayedRequest?
    private(set) var form = Form.none
    /// Nil: nothing has come, or it has been taken.
    private var collected: ByteBuffer?
    private(set) var stream: AnswerStream?
    /// Of a large answer that is gathered while memory is short.
    private var counted: CountedBody?
    /// Events for the client that have not been taken.
    private(set) var held = ByteBuffer()
    /// Something must come by then.
    var deadline: NIODeadline
    let began = Reactor.now
    private var exchange: (any RunningExchange)?
    private var work: AttemptWork
    /// Among what is held is a token, or what comes behind one.
    private var hasNews = false
    private let reason: RoutingAttempt.Reason
    /// Which of its request's choices led to it.
    private let choice: Int
    private static let heldBytes = 256 * 1024
    private static let errorBytes = 64 * 1024

    init(at worker: Worker, for request: RelayedRequest, work: AttemptWork, reason: RoutingAttempt.Reason, deadline: NIODeadline) {
        self.worker = worker
        self.work = work
        self.reason = reason
        choice = max(request.trace.choiceCount - 1, 0)
        self.request = request
        self.deadline = deadline
    }

    var isOver: Bool { request == nil }

    /// False when there is no way to the worker.
    func start(_ exchangeRequest: ExchangeRequest, on loop: GatewayLoop, isReading: Bool) -> Bool {
        worker.begin(&work, now: Reactor.now.microseconds)
        if !loop.outages.isCalm { loop.outages.began(worker.entry.model) }
        exchange = worker.start(exchangeRequest, on: loop, receiver: self)
        if !isReading { exchange?.setReading(false) }
        return exchange != nil
    }

    func setReading(_ on: Bool) {
        exchange?.setReading(on)
        if on { work.resume(now: Reactor.now.microseconds) }
    }

    /// Four times a second, while tokens should come.
    func look(_ now: NIODeadline) {
        work.look(worker.tally, now: now.microseconds)
    }

    /// What waits for the client; the attempt holds it no more.
    func takeHeld() -> ByteBuffer {
        var events = ByteBuffer()
        swap(&events, &held)
        return events
    }

    /// An answer in one piece, as far as it has come; the attempt holds it no more.
    func takeCollected() -> ByteBuffer { collected.take() ?? ByteBuffer() }

    /// Nothing more will come of it, in whatever way it ended; what has come stays.
    ///
    /// - Parameter result: `answered` with all of its answer.
    func end(_ result: RoutingAttempt.Result) {
        guard let request = request.take() else { return }
        request.trace.note(trace(result, since: request.arriving.started))
        exchange = nil
        // Whoever tells it to the client holds what is left of it.
        (collected, counted) = (nil, nil)
        worker.end(&work, tokens: result == .answered ? stream?.contentEvents : nil, isAnswered: result == .answered)
        ended(result, of: request)
    }

    private func ended(_ result: RoutingAttempt.Result, of request: RelayedRequest) {
        noteOutcome(result, on: request.loop)
        request.left(worker, after: (Reactor.now - began).nanoseconds / 1000)
    }

    private func noteOutcome(_ result: RoutingAttempt.Result, on loop: GatewayLoop) {
        guard result == .failed || result == .broken || !loop.outages.isCalm else { return }
        let hadToken = work.firstTokenAt != nil
        let end: OutageWatch.End =
            switch result {
            case .answered, .refused: .answered
            case .failed: hadToken ? .broken : .failed
            case .broken: .broken
            case .lost, .cancelled: .cancelled
            }
        loop.outages.ended(
            worker.entry.model, end, host: worker.entry.host, hadToken: hadToken, began: began.microseconds, now: Reactor.now.microseconds)
        loop.lookAtHeldTries()
    }

    private func trace(_ result: RoutingAttempt.Result, since start: NIODeadline) -> RoutingAttempt {
        var trace = RoutingAttempt(choice: choice, reason: reason, startedAfter: (began - start).nanoseconds / 1000)
        if let first = work.firstTokenAt { trace.firstTokenAfter = first - start.microseconds }
        trace.endedAfter = (Reactor.now - start).nanoseconds / 1000
        trace.result = result
        return trace
    }

    /// The worker failed before the first byte of an answer. Once is enough.
    func fail() {
        guard !isOver else { return }
        worker.tally.failed(now: Reactor.now.microseconds)
        end(.failed)
    }

    /// Its exchange ends without an answer, as one does whose host is lost; what became of the attempt is told next.
    func drop() {
        exchange?.cancel()
        exchange = nil
    }

    /// Gives it up: the runtime's slot is freed at once.
    func cancel() {
        exchange?.cancel()
        end(.cancelled)
    }
}

extension Attempt: ExchangeReceiver {
    func exchangeHead(_ head: ExchangeHead) {
        guard let request, let plan = request.plan else { return }
        if head.refusal != nil { return giveUp { request.attemptLost($0, beforeRuntime: true, isFailure: false) } }
        guard head.status == 200, head.isEventStream, request.isStream || plan.mustAggregate(at: worker) else {
            form = .whole(status: head.status)
            return
        }
        form = .events
        stream = AnswerStream(
            plan,
            assembly: request.isStream ? nil : AnswerAssembly(isChat: request.arriving.endpoint.isChat, mostBytes: request.loop.settings.answerBytes),
            memory: request.memory ?? plan.continuation.map { AnswerMemory(isChat: $0.isChat) })
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        guard let request else { return }
        switch form {
        case .none: break
        case .whole(let status): take(bytes, ofWhole: status, for: request)
        case .events: takeEvents(bytes, request)
        }
    }

    private func take(_ bytes: ByteBuffer, ofWhole status: Int, for request: RelayedRequest) {
        let loop = request.loop
        let limit = status == 200 ? loop.settings.answerBytes : Attempt.errorBytes
        let before = collected?.readableBytes ?? 0
        guard before + bytes.readableBytes <= limit else {
            guard status != 200 else { return giveUp { request.attemptTooLong($0) } }
            let beginning = before == 0 ? bytes : takeCollected()
            let verdict = beginning.withUnsafeReadableBytes { UpstreamError.judge(status: status, beginning: $0) }
            return giveUp { request.attemptJudged($0, verdict) }
        }
        if before == 0 { collected = bytes } else { collected?.writeImmutableBuffer(bytes) }
        if loop.memory.isShort(after: bytes.readableBytes, of: gathered) { makeRoom(in: loop.memory, on: loop.eventLoop) }
    }

    func exchangeReadComplete() {
        guard hasNews, let request else { return }
        noteToken(request)
        request.attemptHasEvents(self)
    }

    private func noteToken(_ request: RelayedRequest) {
        hasNews = false
        let now = Reactor.now
        let isFirst = work.firstTokenAt == nil
        worker.token(&work, now: now.microseconds)
        let loop = request.loop
        if !loop.outages.isCalm {
            loop.outages.token(worker.entry.model, isFirst: isFirst, began: began.microseconds, now: now.microseconds)
            loop.lookAtHeldTries()
        }
        deadline = now + .seconds(Int64(loop.settings.interTokenTime))
    }

    func exchangeEnd() {
        guard let request else { return }
        exchange = nil
        switch form {
        case .none: request.attemptLost(self)
        case .whole(200): request.attemptAnswered(self)
        case .whole(let status):
            let endpoint = request.arriving.endpoint
            request.attemptJudged(self, takeCollected().withUnsafeReadableBytes { UpstreamError.judge(status: status, body: $0, endpoint: endpoint) })
        case .events:
            // All of it may have come in one read.
            if hasNews { noteToken(request) }
            request.attemptStreamEnded(self)
        }
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        guard let request else { return }
        exchange = nil
        if let stream, stream.hasContent || stream.finished > 0 || stream.sawDone {
            return request.attemptStreamEnded(self, runtimeDied: runtimeDied(failure), isUnreadable: failure == .malformed)
        }
        switch failure {
        case .malformed: request.attemptFailed(self, .upstreamError)
        case .timedOut: request.attemptFailed(self, .upstreamTimeout)
        case .connectFailed: request.attemptLost(self, beforeRuntime: true)
        case .overloaded: request.attemptLost(self, beforeRuntime: true, isFailure: false)
        default: request.attemptLost(self, runtimeDied: runtimeDied(failure))
        }
    }

    /// The runtime is gone, and not its host or the way there.
    private func runtimeDied(_ failure: ExchangeFailure) -> Bool {
        switch failure {
        // On a link that lives, it is the runtime behind it that is gone.
        case .reset: true
        case .lostBeforeHead, .lostBeforeEnd: worker.address != nil
        case .connectFailed, .overloaded, .malformed, .timedOut, .cancelled: false
        }
    }

    private func takeEvents(_ bytes: ByteBuffer, _ request: RelayedRequest) {
        do throws(AnswerStream.Failure) {
            try stream?.take(bytes) { piece in
                if held.readableBytes == 0 { held = piece } else { held.writeImmutableBuffer(piece) }
            }
        } catch {
            return giveUp { request.attemptBroke($0, error) }
        }
        guard let stream else { return }
        if stream.assembly != nil {
            held = ByteBuffer()
            return makeRoom(after: bytes.readableBytes)
        }
        // A line that never ends is no news: only whole events are.
        if held.readableBytes > 0, stream.hasContent || stream.finished > 0 { hasNews = true }
        if !hasNews, held.readableBytes > Attempt.heldBytes { giveUp { request.attemptFailed($0, .upstreamError) } }
    }

    /// The worker is not listened to any more; the request hears why.
    private func giveUp(_ tell: (Attempt) -> Void) {
        exchange?.cancel()
        exchange = nil
        tell(self)
    }
}

/// What is gathered of an answer counts against the memory of this process as the body of a request that arrives does, and may have to go.
extension Attempt {
    /// Bytes that are kept until all of the answer has come.
    private var gathered: Int { stream?.assembly?.bytes ?? collected?.readableBytes ?? 0 }

    /// Where memory is short, lets all loops know of a large answer; where it is out the largest go, be they answers or bodies. This one may be over then.
    ///
    /// - Parameter added: Bytes that have come just now.
    func makeRoom(after added: Int) {
        guard let loop = request?.loop, loop.memory.isShort(after: added, of: gathered) else { return }
        makeRoom(in: loop.memory, on: loop.eventLoop)
    }

    private func makeRoom(in memory: MemoryWatch, on eventLoop: any EventLoop) {
        let counted = counted ?? CountedBody(memory, on: eventLoop) { [unowned self] in letGo() }
        self.counted = counted
        counted.size = gathered
        memory.makeRoom(on: eventLoop)
    }

    private func letGo() {
        guard let request else { return }
        let isAssembled = stream?.assembly != nil
        collected?.giveBack()
        stream = nil
        request.loop.memory.lookAgain(trimming: isAssembled)
        request.attemptLacksMemory(self)
    }
}
