import PlimsollWire
import Domain
import Exchange
import NIOCore
import OpenAIWire

extension CustomerConnection {
    /// Up to here a body is joined to the head, so that one write carries both.
    private static let joinedBody = 16 * 1024
    /// Memory of a connection that is kept for its next write.
    private static let keptBytes = 64 * 1024

    /// The body of a request is complete.
    func arrived() {
        guard let arriving else { return closeNow() }
        self.arriving = nil
        let bytes = body
        body = ByteBuffer()
        state = .serving
        let request = RelayedRequest(arriving, connection: self)
        self.request = request
        // Handed over, so that a body which nothing else holds is edited where it lies.
        request.start(body: consume bytes)
    }

    /// Refuses what is arriving, or what cannot be read at all.
    func refuse(_ error: APIError, status: Int? = nil, closing: Bool) {
        let id = arriving?.requestId ?? RequestId(milliseconds: LoopClock.wallMicroseconds() / 1000, using: &loop.random)
        arriving = nil
        loop.metrics.countRefusal(status: status ?? error.status)
        state = .serving
        write(error, id: id, status: status, keepAlive: false, retryAfter: error.status == 503 ? 1_000_000 : nil)
        finishClosing()
    }

    func write(
        _ error: APIError, id: RequestId, status: Int? = nil, keepAlive: Bool, allow: StaticString? = nil, standing: LimitStanding? = nil,
        retryAfter: Int64? = nil
    ) {
        let body = error.body
        var head = AnswerHead(status: status ?? error.status, requestId: id, length: .bytes(body.count))
        head.keepAlive = keepAlive
        head.allow = allow
        head.standing = standing
        head.retryAfter = retryAfter
        write(head, body: body)
    }

    func write(_ head: AnswerHead, body: [UInt8]) {
        guard let context else { return }
        emptyOut()
        head.write(to: &out)
        if !isHeadRequest { out.writeBytes(body) }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    }

    func write(_ head: AnswerHead, body: ByteBuffer) {
        guard let context else { return }
        emptyOut()
        head.write(to: &out)
        if body.readableBytes <= CustomerConnection.joinedBody {
            out.writeImmutableBuffer(body)
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        } else {
            context.write(wrapOutboundOut(out), promise: nil)
            context.writeAndFlush(wrapOutboundOut(body), promise: nil)
        }
    }

    /// Starts a turn's output; `push` sends it.
    func fill(_ fill: (inout ByteBuffer) -> Void) {
        guard context != nil else { return }
        emptyOut()
        fill(&out)
    }

    /// Memory that one large write needed is not kept for the small ones after it, and where the last write still waits for a slow client,
    /// the next one takes no more than it needs.
    private func emptyOut() {
        if out.capacity > CustomerConnection.keptBytes { out = ByteBuffer() }
        out.clear(minimumCapacity: 512)
    }

    /// Writes what `fill` left.
    func push() {
        guard let context, out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    }

    func writeContinue() {
        guard let context else { return }
        emptyOut()
        out.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    }
}

extension CustomerConnection {
    /// Writes what `fill` left; a flush follows when the turn's bytes are through.
    func writeWithoutFlush() {
        guard let context, out.readableBytes > 0 else { return }
        context.write(wrapOutboundOut(out), promise: nil)
    }
}

extension ByteBuffer {
    /// A chunk's size.
    mutating func writeHexadecimal(_ value: Int) {
        let digits: StaticString = "0123456789abcdef"
        var shift = max(0, (Int.bitWidth - value.leadingZeroBitCount - 1) / 4 * 4)
        while true {
            writeInteger(digits.utf8Start[value >> shift & 15])
            if shift == 0 { return }
            shift -= 4
        }
    }
}
