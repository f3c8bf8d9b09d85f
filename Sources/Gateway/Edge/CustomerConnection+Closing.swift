import NIOCore
import OpenAIWire

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

    private var pendingBytes: Int {
        // A channel that is gone has none.
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    func noteWritable(_ isWritable: Bool) {
        stall = isWritable && !isWritingLast ? nil : WriteStall(pending: pendingBytes, now: .now())
        // It had no chance to send its next request before it had this answer.
        if isWritable, case .head = state, request == nil { deadline = .now() + .seconds(Int64(loop.settings.idleTime)) }
    }

    /// The client has not read for as long as a worker may be silent: it holds a worker's slot, or memory.
    func isStalled(_ now: NIODeadline) -> Bool {
        guard stall != nil else { return false }
        return stall?.isOver(.seconds(Int64(loop.settings.interTokenTime)), left: pendingBytes, now: now) ?? false
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
        case .head where inbound.readableBytes == 0: if pendingBytes > 0 { finishClosing() } else { closeNow() }
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
        context?.close(promise: nil)
    }

    /// Lets the written bytes reach the client, then closes. One that is still sending is listened to meanwhile: closing with unread bytes
    /// would reset them away.
    func finishClosing() {
        guard let context else { return }
        if case .closed = state { return }
        state = .discarding(left: CustomerConnection.discardedBytes)
        deadline = .now() + .seconds(Int64(loop.settings.answerTime))
        arriving = nil
        body = ByteBuffer()
        inbound = ByteBuffer()
        pauseReading(false)
        isWritingLast = true
        if stall == nil { stall = WriteStall(pending: pendingBytes, now: .now()) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in self.lastBytesWritten() }
        if inputClosed {
            // Closing the other half too would close at once. An empty write ends after those before it.
            context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        } else {
            context.close(mode: .output, promise: written)
        }
    }

    private func lastBytesWritten() {
        isWritingLast = false
        stall = nil
        guard case .discarding = state else { return }
        if inputClosed { return closeNow() }
        deadline = .now() + CustomerConnection.lingerTime
    }
}
