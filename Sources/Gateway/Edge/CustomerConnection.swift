import PlimsollWire
import Telemetry
import Domain
import Exchange
import HTTPWire
import NIOCore
import Reactor
import OpenAIWire

/// One customer's connection: HTTP/1.1, one request after the other; a pipelined request waits until the one before it is answered.
final class CustomerConnection: EdgeConnection {
    enum State {
        case head
        case body(left: Int)
        case chunks
        case serving
        /// The last answer has been given, perhaps before the body was read: what still comes is thrown away, up to a bound.
        case discarding(left: Int)
        case closed
    }

    /// While a request is served, so much of the next one may wait here; then reading stops.
    private static let pipelinedBytes = 64 * 1024
    /// Of a body of which so much is still to come, the socket's bytes are read to where they stay.
    private static let filledBytes = 16 * 1024

    let loop: GatewayLoop
    /// The other end of the connection, or for whom a proxy said that it connects.
    let peer: NetworkAddress?
    var position = 0
    let stream: any ByteStream
    /// Whoever takes it over when its first bytes are the preface of HTTP/2 (RFC 9113, section 3.4); nil once they are known not to be.
    var onPreface: ((CustomerConnection) -> Void)?
    var state = State.head
    var inbound = ByteBuffer()
    let body: ArrivingBody
    var decoder = ChunkedDecoder()
    var arriving: ArrivingRequest?
    var bodyClock: BodyClock?
    var request: RelayedRequest?
    /// Wants to see what comes of the body that was refused last.
    var ownRefusal: OwnRefusal?
    var out = ByteBuffer()
    var finder = HeadFinder()
    var deadline: NIODeadline
    /// Nothing of the next request has come yet.
    private var awaitsNext = false
    /// Of the request at hand.
    var isHTTP11 = true
    var keepAlive = true
    var framing = BodyFraming.none
    /// The client waits for a word before it sends the body.
    var expectsContinue = false
    /// The request at hand must be answered without a body.
    var isHeadRequest = false
    /// Nil while the channel is writable.
    var stall: WriteStall?
    /// Bytes of the last answer are on their way to the client.
    var isWritingLast = false
    var inputClosed = false
    private var readsPaused = false
    private var isProcessing = false

    init(loop: GatewayLoop, peer: NetworkAddress?, stream: any ByteStream) {
        self.loop = loop
        self.peer = peer
        self.stream = stream
        body = ArrivingBody(loop)
        deadline = Reactor.now + .seconds(Int64(loop.settings.headTime))
    }

    // MARK: From the loop

    func tick(_ now: NIODeadline) {
        if isStalled(now) { return closeNow() }
        if let request { return request.tick(now) }
        // One that has paused since before memory was short is known from here on.
        if arriving != nil { roomForBody(after: 0) }
        guard now >= deadline else { return }
        switch state {
        case .head where stall != nil: break
        case .head where inbound.readableBytes > 0: refuse(APIError(.requestTimeout))
        case .body, .chunks: refuse(APIError(.requestTimeout))
        default: closeNow()
        }
    }

    // MARK: Reading

    /// Takes requests off the front of what has arrived, as far as it goes.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while step() {}
        isProcessing = false
        endIfOver()
    }

    /// A client that has closed its half sends nothing more: what it had sent whole has been answered, and the connection ends.
    private func endIfOver() {
        guard inputClosed, request == nil else { return }
        switch state {
        // It is answered when the client has read the answers before it.
        case .head where stall != nil && inbound.readableBytes > 0: break
        case .head, .body, .chunks: finishClosing()
        case .serving, .discarding, .closed: break
        }
    }

    private func step() -> Bool {
        switch state {
        case .serving, .discarding, .closed: return false
        // A client that does not read its answers gets no more of them.
        case .head: return inbound.readableBytes > 0 && stall == nil && takeHead()
        case .body(let left):
            guard left == 0 || inbound.readableBytes > 0 else { return false }
            takeBody(left)
            guard case .body(0) = state else { return false }
            arrived()
            return true
        case .chunks: return takeChunks()
        }
    }

    private func takeHead() -> Bool {
        isHeadRequest = false
        do throws(HTTPFault) {
            guard let length = try inbound.findHead(&finder) else { return false }
            let outcome = try readHead(length)
            inbound.moveReaderIndex(forwardBy: length)
            return begin(outcome)
        } catch {
            refuse(APIError(.malformedRequest), status: error.status)
            return false
        }
    }

    /// Moves up to `left` bytes of what has arrived into the body.
    private func takeBody(_ left: Int) {
        let count = min(left, inbound.readableBytes)
        guard count > 0 else { return }
        if body.count == 0, count == left {
            takeWholeBody(count)
        } else if let slice = inbound.readSlice(length: count) {
            body.add(slice)
        }
        state = .body(left: left - count)
        awaitBody(count)
    }

    /// One that came in one piece is not copied, and where nothing came behind it nobody else holds its bytes: it is edited where it lies.
    private func takeWholeBody(_ count: Int) {
        var bytes = ByteBuffer()
        swap(&bytes, &inbound)
        guard count < bytes.readableBytes else { return body.becomes(bytes) }
        if let slice = bytes.readSlice(length: count) { body.becomes(slice) }
        inbound = bytes
    }

    /// - Parameter count: Bytes that were added to the body just now.
    private func awaitBody(_ count: Int) {
        bodyClock?.received(body.count, now: Reactor.now)
        if let bodyClock { deadline = bodyClock.deadline }
        roomForBody(after: count)
    }

    private func roomForBody(after count: Int) {
        if body.lacksRoom(after: count) { body.makeRoom { [unowned self] in refuse(APIError(.serviceUnavailable)) } }
    }

    private func takeChunks() -> Bool {
        let before = body.count
        do throws(HTTPFault) {
            while inbound.readableBytes > 0 {
                switch try inbound.nextChunk(&decoder) {
                case .data(let range):
                    if let slice = inbound.getSlice(at: inbound.readerIndex + range.lowerBound, length: range.count) { body.add(slice) }
                    inbound.moveReaderIndex(forwardBy: range.upperBound)
                    if let key = arriving?.key, body.count > key.tier.maxBodyBytes {
                        refuse(key.bodyTooLarge)
                        return false
                    }
                case .needMore: inbound.clear()
                case .end(let offset):
                    inbound.moveReaderIndex(forwardBy: offset)
                    arrived()
                    return true
                }
            }
            awaitBody(body.count - before)
            return false
        } catch {
            refuse(APIError(.malformedRequest))
            return false
        }
    }

    private func adjustReading() {
        pauseReading((request != nil || stall != nil) && inbound.readableBytes > CustomerConnection.pipelinedBytes)
    }

    func pauseReading(_ pause: Bool) {
        guard pause != readsPaused else { return }
        readsPaused = pause
        stream.setReading(!pause)
    }

    // MARK: After an answer

    /// The answer has been written whole: on to the next request, or the end of the connection.
    func answered() {
        request = nil
        guard case .serving = state else { return }
        guard keepAlive, !loop.isDraining else { return finishClosing() }
        state = .head
        awaitNext()
        adjustReading()
        process()
    }
}

extension CustomerConnection {
    var idleUntil: NIODeadline? {
        guard case .head = state, awaitsNext, stall == nil else { return nil }
        return deadline
    }

    /// The client may be idle until the next request's first byte; from then on its head has a time of its own, as the first one had.
    func awaitNext() {
        awaitsNext = inbound.readableBytes == 0
        deadline = Reactor.now + .seconds(Int64(awaitsNext ? loop.settings.idleTime : loop.settings.headTime))
    }

    private func noteFirstByte() {
        awaitsNext = false
        deadline = Reactor.now + .seconds(Int64(loop.settings.headTime))
    }
}

extension CustomerConnection: StreamHandler {
    func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int? {
        guard case .body(let left) = state, left >= CustomerConnection.filledBytes, inbound.readableBytes == 0 else { return nil }
        let count = body.fill(left, read)
        guard count > 0 else { return count }
        state = .body(left: left - count)
        awaitBody(count)
        process()
        return count
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        if awaitsNext, case .head = state, !bytes.isEmpty { noteFirstByte() }
        switch state {
        case .discarding(let left):
            if let own = ownRefusal, !own.wants(received: bytes) { ownRefusal = nil }
            return discard(bytes.count, left)
        case .closed: return
        case .body(let left) where inbound.readableBytes == 0:
            // No copy in between.
            let count = min(left, bytes.count)
            body.add(bytes[..<count])
            state = .body(left: left - count)
            awaitBody(count)
            keep(bytes[count...])
        default: keep(bytes[...])
        }
        if let onPreface, judgePreface(onPreface) { return }
        process()
        adjustReading()
    }

    private func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard !bytes.isEmpty else { return }
        if inbound.readableBytes == 0 { inbound = ByteBuffer(bytes: bytes) } else { inbound.writeBytes(bytes) }
    }

    private func discard(_ count: Int, _ left: Int) {
        state = .discarding(left: left - count)
        if count >= left { closeNow() }
    }

    /// True: there is nothing more to do with what has arrived.
    private func judgePreface(_ takeOver: (CustomerConnection) -> Void) -> Bool {
        let start = inbound.readableBytesView.prefix(HTTP2Connection.preface.count)
        guard HTTP2Connection.preface.starts(with: start) else {
            onPreface = nil
            return false
        }
        if start.count == HTTP2Connection.preface.count { takeOver(self) }
        return true
    }

    func receivedAll() {}

    func inputEnded() {
        inputClosed = true
        // Half-closed and gone look the same. A byte towards a client that is gone is answered with a reset, which cancels the request.
        if let request { return request.probeClient() }
        if case .discarding = state, !isWritingLast { finishClosing() } else { endIfOver() }
    }

    func writableChanged(_ isWritable: Bool) {
        noteWritable(isWritable)
        request?.clientWritable(isWritable)
        guard isWritable else { return }
        adjustReading()
        process()
    }

    func closed() {
        state = .closed
        isWritingLast = false
        onPreface = nil
        ownRefusal = nil
        body.drop()
        loop.remove(self)
        let request = request
        self.request = nil
        request?.clientGone()
    }
}
