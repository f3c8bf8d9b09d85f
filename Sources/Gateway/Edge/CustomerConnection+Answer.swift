import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire
import Reactor

extension CustomerConnection {
    /// Up to here a body is joined to the head, so that one write carries both.
    private static let joinedBody = 16 * 1024
    /// Memory of a connection that is kept for its next write.
    private static let keptBytes = 64 * 1024

    /// The body of a request is complete.
    func arrived() {
        guard let arriving = arriving.take() else { return closeNow() }
        let bytes = body.take()
        state = .serving
        let request = RelayedRequest(arriving, sink: self, loop: loop)
        self.request = request
        // Handed over, so that a body which nothing else holds is edited where it lies.
        request.start(body: consume bytes)
        // One of several that came together, whose client may be gone since.
        if inputClosed { self.request?.probeClient() }
    }

    /// Refuses what is arriving, or what cannot be read at all.
    func refuse(_ error: APIError, status: Int? = nil) {
        let now = LoopClock.wallMicroseconds()
        let id = arriving?.requestId ?? RequestId(milliseconds: now / 1000, using: &loop.random)
        let (head, told) = loop.refusal(
            error, status: status, id, acceptedAt: arriving?.acceptedAt ?? now, key: arriving?.key, shape: arriving?.errorShape ?? .openAI)
        if let arriving {
            ownRefusal = body.refused(error, arriving)
            if case .chunks = state { ownRefusal?.expectChunks(decoder) }
        }
        arriving = nil
        body.drop()
        state = .serving
        keepAlive = false
        answer(head, told)
    }

    func writeContinue() {
        emptyOut()
        out.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        stream.write(out, isLast: true)
    }

    /// Memory that one large write needed is not kept for the small ones after it, and where the last write still waits for a slow client,
    /// the next one takes no more than it needs.
    private func emptyOut() {
        if out.capacity > CustomerConnection.keptBytes { out = ByteBuffer() }
        out.clear(minimumCapacity: 512)
    }

    /// A chunk without bytes would end the answer.
    private func writeChunk(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        guard isHTTP11 else {
            out.writeImmutableBuffer(bytes)
            return
        }
        out.writeText(atMost: bytes.readableBytes + 20) { text in
            text.put(hexadecimal: bytes.readableBytes)
            text.put("\r\n")
            bytes.withUnsafeReadableBytes { text.put($0) }
            text.put("\r\n")
        }
    }

    private func write(_ head: AnswerHead, _ length: AnswerHead.Length) {
        head.write(length, keepAlive: keepAlive, strictTransport: loop.settings.strictTransportSeconds, to: &out)
    }

    private func writeStreamHead(_ head: AnswerHead) {
        keepAlive = keepAlive && isHTTP11
        write(head, isHTTP11 ? .chunked : .untilClose)
    }
}

extension CustomerConnection: AnswerSink {
    func answer(_ head: AnswerHead, _ body: ByteBuffer) {
        if !isClosed {
            emptyOut()
            write(head, .bytes(body.readableBytes))
            let isJoined = body.readableBytes <= CustomerConnection.joinedBody
            if isJoined, !isHeadRequest { out.writeImmutableBuffer(body) }
            stream.write(out, isLast: isJoined || isHeadRequest)
            if !isJoined, !isHeadRequest { stream.write(body, isLast: true) }
        }
        answered()
    }

    func stream(_ head: AnswerHead?, _ events: ByteBuffer) {
        guard !isClosed else { return }
        emptyOut()
        if let head { writeStreamHead(head) }
        writeChunk(events)
        stream.write(out, isLast: true)
        // Events need less room than the head.
        if head != nil { out = ByteBuffer() }
    }

    func endStream(_ head: AnswerHead?, _ events: ByteBuffer, _ last: ByteBuffer) {
        if !isClosed {
            emptyOut()
            if let head { writeStreamHead(head) }
            writeChunk(events)
            writeChunk(last)
            if isHTTP11 { out.writeStaticString("0\r\n\r\n") }
            stream.write(out, isLast: true)
        }
        answered()
    }

    func abandon() {
        keepAlive = false
        answered()
    }

    func probe() {
        if isHTTP11 { writeContinue() }
    }
}
