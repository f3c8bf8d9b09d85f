package import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request on an agent's link: where its answer is written. Use it on its loop only.
package final class LinkServerStream {
    private enum Answer {
        case none
        case headSent
        case ended
    }

    private enum End {
        /// The answer was given, or given up by whoever gives it.
        case complete
        /// The receiver does not know yet.
        case cut
    }

    let id: HTTP2StreamID
    let isReport: Bool
    private let writer: LinkWriter
    /// Gone when the link was closed before this stream ended.
    private weak var owner: AgentStreams?
    private var receiver: (any LinkStreamReceiver)?
    private var answer = Answer.none
    private var isRequestComplete = false
    private var isGone = false

    private var isEndWritten = false
    private var isEndSent = false
    private var gathered: ByteBuffer?
    private var willGather = false
    private var wasUnwritable = false
    /// Written and not known to be sent.
    private var unconfirmed = 0
    /// The last of them, which no confirmation that is under way covers.
    private var uncovered = 0

    private var held: [(bytes: ByteBuffer, size: Int)] = []
    private var isReading = true
    private var isHeldEnd = false
    private var consumed = 0

    private static let confirmEvery = 32 * 1024
    private static let giveEvery = 64 * 1024

    init(id: HTTP2StreamID, writer: LinkWriter, owner: AgentStreams, isReport: Bool) {
        self.id = id
        self.writer = writer
        self.owner = owner
        self.isReport = isReport
    }

    package var eventLoop: any EventLoop { writer.eventLoop }

    /// False above the bound of bytes not yet sent, until `streamWritable`.
    package var isWritable: Bool { bufferedBytes < writer.settings.writeHighWatermark }

    /// Bytes written and not yet sent, known to within 32 KiB (never too few).
    package var bufferedBytes: Int { unconfirmed + (gathered?.readableBytes ?? 0) }

    /// True: the stream is over, for whatever reason; what is sent now is dropped.
    package var isClosed: Bool { isGone || answer == .ended }

    /// Once, before any body. `refusal`: set where the agent answers in place of a runtime.
    package func sendHead(status: Int, contentType: String?, refusal: String? = nil) {
        guard !isGone, answer == .none else { return }
        answer = .headSent
        var headers = HPACKHeaders()
        headers.reserveCapacity(3)
        headers.add(name: ":status", value: String(status))
        if let contentType { headers.add(name: "content-type", value: contentType) }
        if let refusal { headers.add(name: LinkName.refusal, value: refusal) }
        writer.write(id, .headers(.init(headers: headers)))
    }

    /// What is sent in one turn of the loop becomes one frame. Above four times the bound of `isWritable` the stream is reset: whoever writes
    /// must stop when it is not writable.
    package func sendBody(_ bytes: ByteBuffer) {
        guard !isGone, answer == .headSent, bytes.readableBytes > 0 else { return }
        if gathered == nil {
            gathered = bytes
        } else {
            gathered?.writeImmutableBuffer(bytes)
        }
        if !isWritable { wasUnwritable = true }
        guard bufferedBytes <= 4 * writer.settings.writeHighWatermark else {
            giveUp(.enhanceYourCalm)
            return
        }
        flush()
    }

    /// What was written goes out at the end of this turn of the loop at the latest, also without this call; calling it costs nothing.
    package func flush() {
        guard !willGather, !isGone else { return }
        willGather = true
        owner?.willGather(self)
    }

    /// The answer is complete.
    package func sendEnd() {
        guard !isGone, answer == .headSent else { return }
        answer = .ended
        flush()
        if isReading { return }
        isReading = true
        dropHeld()
    }

    /// Gives up; the gateway sees the answer as cut.
    package func reset() {
        guard !isGone else { return }
        answer = .ended
        end { writer.reset(id, .internalError) }
    }

    /// False: the body that comes is kept; no more than one window (2 MiB) can follow.
    package func setReading(_ on: Bool) {
        guard on != isReading, !isClosed else { return }
        isReading = on
        // In a later turn, so that nobody is called from inside their own call.
        if on { writer.later { self.deliverHeld() } }
    }

    // MARK: From the connection

    func begin(_ receiver: any LinkStreamReceiver, isRequestComplete: Bool) {
        self.isRequestComplete = isRequestComplete
        // Ended from inside the call that made the receiver.
        guard !isGone else { return receiver.streamOver() }
        self.receiver = receiver
    }

    func received(_ bytes: ByteBuffer, size: Int, isEnd: Bool) {
        if isEnd { isRequestComplete = true }
        guard !isGone, answer != .ended else {
            finishIfComplete()
            return
        }
        guard isReading, held.isEmpty else {
            held.append((bytes, size))
            isHeldEnd = isEnd
            return
        }
        deliver(bytes, size: size)
        if isEnd { receiver?.streamEnd() }
        finishIfComplete()
    }

    func requestEnded() {
        isRequestComplete = true
        guard isReading, held.isEmpty else {
            isHeldEnd = true
            return
        }
        receiver?.streamEnd()
        finishIfComplete()
    }

    /// The gateway reset the stream, or the link is gone.
    func lost() {
        guard !isGone else { return }
        end(answer == .ended ? .complete : .cut) {}
    }

    func writeGathered() {
        willGather = false
        guard !isGone else { return }
        let isEnd = answer == .ended && !isEndWritten
        guard gathered != nil || isEnd else { return }
        let bytes = gathered ?? ByteBuffer()
        gathered = nil
        isEndWritten = isEnd
        let confirmation = isEnd ? endConfirmation() : confirmation(bytes.readableBytes)
        writer.write(id, .data(.init(data: .byteBuffer(bytes), endStream: isEnd)), promise: confirmation)
    }

    // MARK: Inside

    /// The stream is over only when its last byte has left: until then the frame layer may hold it back for want of window, and a drain must wait.
    private func endConfirmation() -> EventLoopPromise<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.isEndSent = true
            self.finishIfComplete()
        }
        return promise
    }

    /// Every `confirmEvery` bytes a write tells when it has gone out. So does each one while a writer may wait for `streamWritable`: it writes no
    /// more that could tell for those before.
    private func confirmation(_ count: Int) -> EventLoopPromise<Void>? {
        unconfirmed += count
        uncovered += count
        guard uncovered >= Self.confirmEvery || wasUnwritable else { return nil }
        let covered = uncovered
        uncovered = 0
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.confirmed(covered) }
        return promise
    }

    private func confirmed(_ count: Int) {
        unconfirmed -= count
        guard wasUnwritable, !isClosed, bufferedBytes < writer.settings.writeHighWatermark / 2 else { return }
        wasUnwritable = false
        receiver?.streamWritable()
    }

    private func deliver(_ bytes: ByteBuffer, size: Int) {
        consumed += size
        if consumed >= Self.giveEvery, !isRequestComplete {
            writer.giveWindow(id, consumed)
            consumed = 0
        }
        if bytes.readableBytes > 0 { receiver?.streamBody(bytes) }
    }

    private func deliverHeld() {
        while isReading, !isClosed, !held.isEmpty {
            let next = held.removeFirst()
            deliver(next.bytes, size: next.size)
        }
        guard isReading, !isClosed, isHeldEnd else { return }
        isHeldEnd = false
        receiver?.streamEnd()
        finishIfComplete()
    }

    private func dropHeld() {
        held.removeAll()
        isHeldEnd = false
    }

    private func giveUp(_ code: HTTP2ErrorCode) {
        answer = .ended
        end(.cut) { writer.reset(id, code) }
    }

    private func finishIfComplete() {
        guard !isGone, isEndSent, isRequestComplete else { return }
        end {}
    }

    private func end(_ how: End = .complete, _ say: () -> Void) {
        let tell = receiver
        isGone = true
        gathered = nil
        dropHeld()
        receiver = nil
        say()
        owner?.finished(self)
        if how == .cut { tell?.streamReset() }
        tell?.streamOver()
    }
}
