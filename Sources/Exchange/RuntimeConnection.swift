import HTTPWire
import NIOCore
import Reactor

/// One HTTP/1.1 connection to a runtime, one exchange at a time.
final class RuntimeConnection {
    private enum State {
        case idle
        case head
        case length(left: Int)
        case chunks
        case untilClose
        case closed
    }

    /// Up to here a body is joined to the head, so that one write carries both.
    private static let joinedBody = 16 * 1024
    /// Interim heads (RFC 9110, section 15.2) before the one that counts.
    private static let mostInterimHeads = 8

    var idleSince = Reactor.now
    private let pool: RuntimePool
    private let socket: StreamSocket
    private var exchange: PooledExchange?
    private var state = State.idle
    private var isReused = false
    private var sawBytes = false
    private var askedAt: UInt64 = 0
    private var sentAt = NIODeadline.uptimeNanoseconds(0)
    private var keepAlive = false
    private var isPaused = false
    private var handedBody = false
    /// Bytes of a head that is not complete.
    private var partial: ByteBuffer?
    private var finder: HeadFinder
    private var decoder = ChunkedDecoder()
    private var received = 0
    private var interimHeads = 0
    private var out = ByteBuffer()

    init(_ socket: StreamSocket, pool: RuntimePool) {
        self.pool = pool
        self.socket = socket
        finder = HeadFinder(limits: pool.headLimits)
        socket.handler = self
    }

    /// Not closed, neither by this side nor, as far as is known, by the other.
    var isActive: Bool {
        if case .closed = state { return false }
        return socket.isOpen
    }

    // MARK: From the pool and the exchange

    func begin(_ exchange: PooledExchange, isReused: Bool) {
        guard isActive, let request = exchange.request else {
            return isReused ? exchange.goAgain(wasSent: false) : exchange.fail(.connectFailed)
        }
        self.exchange = exchange
        self.isReused = isReused
        sawBytes = false
        received = 0
        interimHeads = 0
        state = .head
        exchange.attached(to: self)
        send(request)
    }

    private func send(_ request: ExchangeRequest) {
        // The last request's bytes may still be on their way: then this takes new memory, and no more than is needed.
        let isJoined = request.bodyRest.readableBytes <= RuntimeConnection.joinedBody
        let length = request.bodyLength
        let head = 64 + request.path.utf8.count + pool.hostLine.count + request.requestId.utf8.count
        let bound = head + (isJoined ? length : request.bodyStart.count)
        out.clear(minimumCapacity: bound)
        out.writeText(atMost: bound) { text in
            text.put("POST ")
            text.put(request.path)
            text.put(pool.hostLine)
            text.put(request.requestId)
            text.put("\r\ncontent-length: ")
            text.put(decimal: length)
            text.put("\r\n\r\n")
            text.put(request.bodyStart)
            if isJoined { request.bodyRest.withUnsafeReadableBytes { text.put($0) } }
        }
        socket.write(out, isLast: isJoined)
        if !isJoined { socket.write(request.bodyRest, isLast: true) }
        askedAt = Reactor.expectAnswer()
        sentAt = Reactor.now
    }

    /// It was closed while it was idle, and the request crossed that on its way. A runtime that closes later may have died of the request.
    private var wasStale: Bool { isReused && !sawBytes && Reactor.now - sentAt < pool.limits.staleTime }

    /// The exchange was given up: closing is what tells the runtime to stop.
    func abandon() {
        exchange = nil
        close()
    }

    func close() {
        state = .closed
        socket.close()
    }

    func setReading(_ on: Bool) {
        guard isPaused == on else { return }
        isPaused = !on
        socket.setReading(on)
    }
}

extension RuntimeConnection: StreamHandler {
    func received(_ arrived: UnsafeRawBufferPointer) {
        let exchange = exchange
        if !sawBytes {
            sawBytes = true
            Reactor.answerCame(askedAt: askedAt)
            exchange?.answerBegan()
        }
        received += arrived.count
        guard received <= pool.limits.answerBytes else { return refuse() }
        var bytes: ByteBuffer
        if var joined = partial.take() {
            joined.writeBytes(arrived)
            bytes = joined
        } else {
            bytes = pool.buffer(arrived)
        }
        while bytes.readableBytes > 0, take(&bytes, exchange) {}
    }

    func receivedAll() {
        guard handedBody else { return }
        handedBody = false
        exchange?.readComplete()
    }

    /// A runtime that has said all it has to say is gone.
    func inputEnded() { socket.close() }

    func writableChanged(_ isWritable: Bool) {}

    func closed() {
        let last = state
        state = .closed
        pool.connectionClosed(self)
        guard let exchange = exchange.take() else { return }
        switch last {
        case .head where wasStale: exchange.goAgain(wasSent: true)
        case .untilClose: exchange.end()
        case .head: exchange.fail(.lostBeforeHead)
        default: exchange.fail(.lostBeforeEnd)
        }
    }
}

/// The answer.
extension RuntimeConnection {
    /// Takes what the state wants from the front; false when nothing more can be done with these bytes.
    ///
    /// - Parameter exchange: Whose answer it is; nobody's when the connection is idle. One that is given up meanwhile hears nothing more.
    private func take(_ bytes: inout ByteBuffer, _ exchange: PooledExchange?) -> Bool {
        switch state {
        case .idle:
            // Nobody asked: what the bytes belong to cannot be known.
            close()
            return false
        case .closed: return false
        case .head: return takeHead(&bytes, exchange)
        case .length(let left): return takeLength(&bytes, left, exchange)
        case .chunks: return takeChunk(&bytes, exchange)
        case .untilClose:
            hand(bytes, exchange)
            return false
        }
    }

    private func takeHead(_ bytes: inout ByteBuffer, _ exchange: PooledExchange?) -> Bool {
        do throws(HTTPFault) {
            guard let length = try bytes.findHead(&finder) else {
                partial = bytes
                return false
            }
            let (head, refusal) = try bytes.scanResponseHead(length)
            bytes.moveReaderIndex(forwardBy: length)
            if head.isInformational { return takeInterim(head) }
            begin(body: head)
            exchange?.head(ExchangeHead(status: head.status, isEventStream: head.isEventStream, refusal: refusal))
            if case .length(0) = state { ended(bytes, exchange) }
            return true
        } catch {
            refuse()
            return false
        }
    }

    private func takeInterim(_ head: ResponseHead) -> Bool {
        interimHeads += 1
        // Nobody asked for another protocol.
        if head.status != 101, interimHeads <= RuntimeConnection.mostInterimHeads { return true }
        refuse()
        return false
    }

    private func begin(body head: ResponseHead) {
        keepAlive = head.keepAlive
        // A stream may be long, and needs no memory for a request meanwhile.
        if head.isEventStream { out = ByteBuffer() }
        switch head.framing {
        case .none: state = .length(left: 0)
        case .length(let length): state = .length(left: length)
        case .chunked:
            decoder = ChunkedDecoder()
            state = .chunks
        case .untilClose: state = .untilClose
        }
    }

    private func takeLength(_ bytes: inout ByteBuffer, _ left: Int, _ exchange: PooledExchange?) -> Bool {
        guard let slice = bytes.readSlice(length: min(left, bytes.readableBytes)) else { return false }
        state = .length(left: left - slice.readableBytes)
        hand(slice, exchange)
        if case .length(0) = state { ended(bytes, exchange) }
        return true
    }

    private func takeChunk(_ bytes: inout ByteBuffer, _ exchange: PooledExchange?) -> Bool {
        do throws(HTTPFault) {
            switch try bytes.nextChunk(&decoder) {
            case .data(let range):
                guard let slice = bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count) else { return false }
                bytes.moveReaderIndex(forwardBy: range.upperBound)
                hand(slice, exchange)
                return true
            case .needMore: return false
            case .end(let offset):
                bytes.moveReaderIndex(forwardBy: offset)
                ended(bytes, exchange)
                return true
            }
        } catch {
            refuse()
            return false
        }
    }

    private func hand(_ bytes: ByteBuffer, _ exchange: PooledExchange?) {
        guard bytes.readableBytes > 0 else { return }
        handedBody = true
        exchange?.body(bytes)
    }

    /// The answer is complete. The connection is free before the receiver hears of it, so that its next request can have it.
    private func ended(_ rest: ByteBuffer, _ exchange: PooledExchange?) {
        if case .closed = state { return }
        self.exchange = nil
        handedBody = false
        state = .idle
        if isPaused { setReading(true) }
        if keepAlive, rest.readableBytes == 0 {
            pool.release(self)
        } else {
            close()
        }
        exchange?.end()
    }

    private func refuse() {
        let exchange = exchange.take()
        close()
        exchange?.fail(.malformed)
    }
}
