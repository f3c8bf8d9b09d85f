import Domain
import HTTPWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import OpenAIWire
import PlimsollWire
import Telemetry

/// One request on an HTTP/2 connection and its answer.
final class HTTP2Stream {
    private enum Reading {
        case head
        case body(ArrivingRequest, BodyClock)
        /// Nothing of what still comes is wanted.
        case done
    }

    private enum Answering {
        case none
        case headSent
        case ended
    }

    /// Bytes that are written and not sent, above which a stream takes no more; half of it lets it go on.
    private static let writeHighWatermark = 64 * 1024
    private static let confirmEvery = 16 * 1024
    /// So much of an answer is written at once: each piece tells when it has gone out, so that who reads it slowly is known from who does not.
    private static let pieceBytes = 32 * 1024
    /// For the beginning of a body that was refused before it came.
    private static let refusedTime = TimeAmount.seconds(2)
    /// A client gets its window back in pieces of this size.
    private static let giveEvery = 16 * 1024

    let id: HTTP2StreamID
    private let loop: GatewayLoop
    /// Nil once the stream is over.
    private var connection: HTTP2Connection?
    private var reading = Reading.head
    private var answering = Answering.none
    private var request: RelayedRequest?
    private let body: ArrivingBody
    /// Of the body, where the client told it.
    private var length: Int?
    private var isRequestComplete = false
    private var isHeadRequest = false
    private var consumed = 0
    private var gathered = ByteBuffer()
    /// Written and not known to be sent, and the last of them, which no confirmation that is under way covers.
    private var unconfirmed = 0
    private var uncovered = 0
    private var isSlow = false
    private var isEndSent = false
    private var stall: WriteStall?
    /// Wants to see what comes of the body, though it was refused; until then.
    private var ownRefusal: (refusal: OwnRefusal, until: NIODeadline)?

    init(id: HTTP2StreamID, loop: GatewayLoop, connection: HTTP2Connection) {
        self.id = id
        self.loop = loop
        self.connection = connection
        body = ArrivingBody(loop)
    }

    // MARK: From the connection

    func received(_ fields: HPACKHeaders, isEnd: Bool) {
        isRequestComplete = isEnd
        loop.fields.begin()
        for (name, value, _) in fields { loop.fields.add(name, value) }
        do throws(HTTPFault) {
            if case .head = reading { return begin(try loop.fields.request(isEnd: isEnd)) }
            try loop.fields.checkTrailers()
        } catch {
            return malformed(error)
        }
        if isEnd { bodyEnded() }
    }

    /// - Parameter size: What the bytes took of the window, padding included.
    func received(_ bytes: ByteBuffer, size: Int, isEnd: Bool) {
        if isEnd { isRequestComplete = true }
        guard case .body(let arriving, var clock) = reading else { return passOver(bytes) }
        guard body.count + bytes.readableBytes <= arriving.key.tier.maxBodyBytes else {
            return refuse(arriving.key.bodyTooLarge)
        }
        if body.count == 0, isEnd {
            body.becomes(bytes)
        } else {
            if body.count == 0 { body.reserve(length ?? bytes.readableBytes) }
            body.add(bytes)
        }
        roomForBody(after: bytes.readableBytes)
        // It may have been given up just now.
        guard case .body = reading else { return }
        if isEnd { return bodyEnded() }
        clock.received(body.count, now: .now())
        reading = .body(arriving, clock)
        consumed += size
        if consumed >= HTTP2Stream.giveEvery {
            connection?.giveWindow(id, consumed)
            consumed = 0
        }
    }

    /// Of a body that was refused.
    private func passOver(_ bytes: ByteBuffer) {
        let wantsMore = ownRefusal?.refusal.wants(behind: bytes.readableBytesView) ?? false
        if !wantsMore || isRequestComplete { ownRefusal = nil }
        finishIfComplete()
    }

    private func roomForBody(after count: Int) {
        if body.lacksRoom(after: count) { body.makeRoom { [unowned self] in refuse(.serviceUnavailable) } }
    }

    /// The client gave the stream up, or broke it, or is gone.
    func lost() {
        guard connection != nil else { return }
        leave()
        let request = request
        self.request = nil
        request?.clientGone()
    }

    func tick(_ now: NIODeadline) {
        if let stall, isStalled(stall, now) { return giveUp(.enhanceYourCalm) }
        if let request { return request.tick(now) }
        if let own = ownRefusal, now >= own.until {
            ownRefusal = nil
            return finishIfComplete()
        }
        guard case .body(_, let clock) = reading else { return }
        roomForBody(after: 0)
        if now >= clock.deadline { refuse(.requestTimeout) }
    }

    func drain() {
        if case .body = reading { refuse(.shuttingDown) }
    }

    func cut() {
        if case .body = reading { return refuse(.shuttingDown) }
        request?.cut()
    }

    // MARK: The request

    private func begin(_ head: RequestHead) {
        isHeadRequest = head.method == .head
        reading = .done
        let outcome = loop.fields.bytes.withUnsafeBytes { bytes in
            loop.judge(head, bytes, from: connection?.peer, fields: { loop.fields.values(of: $0) })
        }
        switch outcome {
        case .answered(let head, let body): answer(head, body)
        case .refused(let head, let body): answer(head, body)
        case .refusedHere(let head, let body, let own):
            awaitBody(for: own)
            answer(head, body)
        case .generate(let arriving):
            reading = .body(arriving, BodyClock(loop.settings, now: arriving.started))
            if isRequestComplete { return bodyEnded() }
            if case .length(let length) = head.framing { self.length = length }
            // Whose key is known may send faster.
            connection?.giveWindow(self.id, HTTP2Connection.knownWindow - HTTP2Connection.streamWindow)
            if head.expectsContinue { connection?.write(self.id, .headers(.init(headers: [":status": "100"]))) }
        }
    }

    private func bodyEnded() {
        guard case .body(let arriving, _) = reading else { return finishIfComplete() }
        reading = .done
        let bytes = body.take()
        let request = RelayedRequest(arriving, sink: self, loop: loop)
        self.request = request
        // Handed over, so that a body which nothing else holds is edited where it lies.
        request.start(body: consume bytes)
    }

    private func refuse(_ code: APIErrorCode) {
        refuse(APIError(code))
    }

    /// The stream is not reset before the beginning of its body has come, which its client has mostly sent with the head.
    private func awaitBody(for own: OwnRefusal?) {
        guard let own, !isRequestComplete else { return }
        ownRefusal = (refusal: own, until: NIODeadline.now() + HTTP2Stream.refusedTime)
    }

    private func refuse(_ error: APIError) {
        guard case .body(let arriving, _) = reading else { return }
        reading = .done
        awaitBody(for: body.refused(error, arriving))
        body.drop()
        let (head, told) = loop.refusal(
            error, arriving.requestId, acceptedAt: arriving.acceptedAt, key: arriving.key, shape: arriving.errorShape)
        answer(head, told)
    }

    /// RFC 9113, section 8.1.1: the stream is broken. What is merely too much is answered.
    private func malformed(_ fault: HTTPFault) {
        guard fault.status != 400, case .head = reading else {
            loop.metrics.countRefusal(status: fault.status)
            return giveUp(.protocolError)
        }
        reading = .done
        let now = LoopClock.wallMicroseconds()
        let id = RequestId(milliseconds: now / 1000, using: &loop.random)
        let (head, told) = loop.refusal(
            APIError(.malformedRequest), status: fault.status, id, acceptedAt: now, key: nil, shape: .openAI)
        answer(head, told)
    }

    // MARK: The answer

    private func writeHead(_ head: AnswerHead, length: Int?, isEnd: Bool) {
        answering = isEnd ? .ended : .headSent
        let fields = head.fields(length: length, strictTransport: loop.settings.strictTransportSeconds, using: &loop.scratch)
        connection?.write(id, .headers(.init(headers: fields, endStream: isEnd)), promise: isEnd ? endConfirmation() : nil)
    }

    private func writeGathered(isEnd: Bool) {
        guard connection != nil, answering == .headSent, isEnd || gathered.readableBytes > 0 else { return }
        var bytes = gathered
        gathered = ByteBuffer()
        if isEnd { answering = .ended }
        unconfirmed += bytes.readableBytes
        if unconfirmed >= HTTP2Stream.writeHighWatermark { becameSlow() }
        while bytes.readableBytes > HTTP2Stream.pieceBytes, let piece = bytes.readSlice(length: HTTP2Stream.pieceBytes) {
            write(piece, isEnd: false)
        }
        write(bytes, isEnd: isEnd)
    }

    private func write(_ bytes: ByteBuffer, isEnd: Bool) {
        guard let connection else { return }
        uncovered += bytes.readableBytes
        let promise = isEnd ? endConfirmation() : confirmation()
        connection.write(id, .data(.init(data: .byteBuffer(bytes), endStream: isEnd)), promise: promise)
    }

    /// Every `confirmEvery` bytes a write tells when it has gone out, and each one while the request waits for that.
    private func confirmation() -> EventLoopPromise<Void>? {
        guard uncovered >= HTTP2Stream.confirmEvery || isSlow else { return nil }
        let covered = uncovered
        uncovered = 0
        let promise = loop.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.confirmed(covered) }
        return promise
    }

    private func confirmed(_ count: Int) {
        unconfirmed -= count
        guard isSlow, connection != nil, unconfirmed < HTTP2Stream.writeHighWatermark / 2 else { return }
        isSlow = false
        if answering != .ended { stall = nil }
        request?.clientWritable(true)
    }

    /// The stream is over only when its last byte has left: until then the frame layer may hold it back for want of window.
    private func endConfirmation() -> EventLoopPromise<Void> {
        stall = WriteStall(pending: unconfirmed, now: .now())
        let promise = loop.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.isEndSent = true
            self.stall = nil
            self.finishIfComplete()
        }
        return promise
    }

    private func becameSlow() {
        guard !isSlow else { return }
        isSlow = true
        stall = WriteStall(pending: unconfirmed, now: .now())
        request?.clientWritable(false)
    }

    private func isStalled(_ seen: WriteStall, _ now: NIODeadline) -> Bool {
        var seen = seen
        let isOver = seen.isOver(.seconds(Int64(loop.settings.interTokenTime)), left: unconfirmed, now: now)
        stall = seen
        return isOver
    }

    private func finishIfComplete() {
        guard isEndSent, ownRefusal == nil, let connection else { return }
        // RFC 9113, section 8.1: a client that is still sending need not go on.
        if !isRequestComplete { connection.reset(id, .noError) }
        leave()
    }

    private func giveUp(_ code: HTTP2ErrorCode) {
        let connection = connection
        lost()
        connection?.reset(id, code)
    }

    private func leave() {
        reading = .done
        answering = .ended
        body.drop()
        gathered = ByteBuffer()
        ownRefusal = nil
        let connection = connection
        self.connection = nil
        connection?.finished(self)
    }
}

extension HTTP2Stream: AnswerSink {
    func answer(_ head: AnswerHead, _ body: ByteBuffer) {
        request = nil
        guard connection != nil, answering == .none else { return }
        let hasBody = !isHeadRequest && body.readableBytes > 0
        writeHead(head, length: body.readableBytes, isEnd: !hasBody)
        guard hasBody else { return }
        gathered = body
        writeGathered(isEnd: true)
    }

    func stream(_ head: AnswerHead?, _ events: ByteBuffer) {
        guard connection != nil else { return }
        if let head { writeHead(head, length: nil, isEnd: false) }
        gather(events)
        writeGathered(isEnd: false)
    }

    func endStream(_ head: AnswerHead?, _ events: ByteBuffer, _ last: ByteBuffer) {
        request = nil
        guard connection != nil else { return }
        if let head { writeHead(head, length: nil, isEnd: false) }
        gather(events)
        gather(last)
        writeGathered(isEnd: true)
    }

    func abandon() {
        request = nil
        giveUp(.internalError)
    }

    /// A client of HTTP/2 that is gone has closed its connection.
    func probe() {}

    private func gather(_ bytes: ByteBuffer) {
        if gathered.readableBytes == 0 { gathered = bytes } else { gathered.writeImmutableBuffer(bytes) }
    }
}
