import NIOCore
import OpenAIWire
import Reactor

/// A client that takes nothing of what waits for it.
struct WriteStall {
    /// Less than this in the time is no progress.
    private static let leastBytes = 64 * 1024

    private var since: NIODeadline
    private var pending: Int

    init(pending: Int, now: NIODeadline) {
        since = now
        self.pending = pending
    }

    /// - Parameter left: Bytes that still wait.
    mutating func isOver(_ time: TimeAmount, left: Int, now: NIODeadline) -> Bool {
        guard left > pending - WriteStall.leastBytes else {
            self = WriteStall(pending: left, now: now)
            return false
        }
        return now - since >= time
    }
}

extension CustomerConnection {
    private static let discardedBytes = 8 << 20
    /// For a client to close its side once it has the last answer.
    private static let lingerTime = TimeAmount.seconds(2)

    var isClosed: Bool { if case .closed = state { true } else { false } }

    func noteWritable(_ isWritable: Bool) {
        stall = isWritable && !isWritingLast ? nil : WriteStall(pending: stream.pendingBytes, now: Reactor.now)
        // It had no chance to send its next request before it had this answer.
        if isWritable, case .head = state, request == nil { awaitNext() }
    }

    /// The client has not read for as long as a worker may be silent: it holds a worker's slot, or memory.
    func isStalled(_ now: NIODeadline) -> Bool {
        guard stall != nil else { return false }
        return stall?.isOver(.seconds(Int64(loop.settings.interTokenTime)), left: stream.pendingBytes, now: now) ?? false
    }

    // MARK: The end of the gateway

    /// Neither idle nor gone.
    var isBusy: Bool {
        switch state {
        case .head: inbound.readableBytes > 0
        case .body, .chunks, .serving, .discarding: true
        case .closed: false
        }
    }

    /// Somebody still waits for bytes from here.
    var isUnanswered: Bool { request != nil || isWritingLast }

    /// No new requests. One that is being sent is refused now: it could take longer than there is time.
    func drain() {
        switch state {
        case .head where inbound.readableBytes == 0: if stream.pendingBytes > 0 { finishClosing() } else { closeNow() }
        case .body, .chunks: refuse(APIError(.shuttingDown))
        case .head, .serving, .discarding, .closed: break
        }
    }

    /// The time to drain is over.
    func cut() {
        switch state {
        case .serving: request?.cut()
        case .head where inbound.readableBytes > 0: refuse(APIError(.shuttingDown))
        case .head, .body, .chunks, .discarding, .closed: break
        }
    }

    // MARK: The end of the connection

    func closeNow() {
        state = .closed
        stream.close()
    }

    /// Lets the written bytes reach the client, then closes. One that is still sending is listened to meanwhile: closing with unread bytes
    /// would reset them away.
    func finishClosing() {
        guard !isClosed else { return }
        state = .discarding(left: CustomerConnection.discardedBytes)
        deadline = Reactor.now + .seconds(Int64(loop.settings.answerTime))
        arriving = nil
        body.drop()
        inbound = ByteBuffer()
        pauseReading(false)
        isWritingLast = true
        if stall == nil { stall = WriteStall(pending: stream.pendingBytes, now: Reactor.now) }
        let written = { [unowned self] in lastBytesWritten() }
        // Closing the other half too would close at once.
        if inputClosed { stream.whenWritten(written) } else { stream.closeOutput(written) }
    }

    private func lastBytesWritten() {
        isWritingLast = false
        stall = nil
        guard case .discarding = state else { return }
        if inputClosed { return closeNow() }
        deadline = Reactor.now + CustomerConnection.lingerTime
    }
}
