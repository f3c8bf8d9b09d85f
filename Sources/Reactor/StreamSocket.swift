import CReactor
import Glibc
package import NIOCore

/// One plain connection.
package final class StreamSocket: PolledDescriptor, ByteStream {
    /// As NIO's channels have them.
    private static let (highWater, lowWater) = (64 * 1024, 32 * 1024)
    /// Reads in a row, so that others have their turn.
    private static let readsAtOnce = 4

    package var handler: (any StreamHandler)?
    /// Called once it is closed, before its handler is told.
    package var whenClosed: (() -> Void)?
    package private(set) var pendingBytes = 0
    private var waiting: CircularBuffer<ByteBuffer>?
    private var onWritten: (() -> Void)?
    private var isPaused = false
    private var isInputOver = false
    /// Both halves have ended while nobody wanted to read what is left.
    private var isHungUp = false
    private var isFull = false
    /// A write failed: it closes in a moment.
    private var isBroken = false

    /// Owns `descriptor` from now on, a connected socket that does not block. Nil: the system cannot wait for it; it is closed then.
    package init?(connected descriptor: Int32, reactor: Reactor) {
        super.init(descriptor, reactor: reactor)
        guard want(.input) else {
            closeDescriptor()
            return nil
        }
    }

    override func ready(_ events: Readiness) {
        if events.contains(.output) { writeWaiting() }
        guard isOpen else { return }
        if !isPaused, !isInputOver {
            if !events.isDisjoint(with: [.input, .error, .hangUp]) { read() }
        } else if events.contains(.error) || events.contains(.hangUp) && isInputOver {
            close()
        } else if events.contains(.hangUp) {
            isHungUp = true
            adjust()
        }
    }

    private func adjust() {
        guard isOpen else { return }
        if isHungUp, isPaused { return _ = want(nil) }
        var wanted: Readiness = isPaused || isInputOver ? [] : .input
        if pendingBytes > 0 { wanted.insert(.output) }
        if !want(wanted) { failLater() }
    }

    // MARK: Reading

    package func setReading(_ on: Bool) {
        guard isPaused == on else { return }
        isPaused = !on
        adjust()
    }

    private func read() {
        for _ in 0..<StreamSocket.readsAtOnce {
            let receiver = handler
            var room = reactor.incoming.count
            let filled = receiver?.fill { place in
                room = place.count
                return receive(place)
            }
            let count = filled ?? receive(reactor.incoming)
            if count == 0 { return endInput() }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? () : close()
            }
            if filled == nil { receiver?.received(UnsafeRawBufferPointer(rebasing: reactor.incoming[..<count])) }
            // Less than there was room for is all that there was.
            guard count < room || isPaused || !isOpen else { continue }
            // It may have made way for another one.
            guard let receiver, handler === receiver else { break }
            return receiver.receivedAll()
        }
        handler?.receivedAll()
    }

    private func receive(_ place: UnsafeMutableRawBufferPointer) -> Int {
        creactor_receive(descriptor, place.baseAddress, UInt(place.count))
    }

    private func endInput() {
        isInputOver = true
        adjust()
        handler?.inputEnded()
    }

    // MARK: Writing

    package func write(_ bytes: ByteBuffer, isLast: Bool) {
        guard isOpen, !isBroken else { return }
        var taken = 0
        if pendingBytes == 0 {
            guard let sent = send(bytes, isLast: isLast) else { return failLater() }
            if sent == bytes.readableBytes { return }
            taken = sent
        }
        wait(bytes, behind: taken)
    }

    /// The system takes no more now.
    private func wait(_ bytes: ByteBuffer, behind taken: Int) {
        var rest = bytes
        rest.moveReaderIndex(forwardBy: taken)
        if waiting == nil { waiting = CircularBuffer() }
        waiting?.append(rest)
        pendingBytes += rest.readableBytes
        adjust()
        if !isFull, pendingBytes > StreamSocket.highWater {
            isFull = true
            handler?.writableChanged(false)
        }
    }

    /// How many bytes the system took. Nil: nothing can be sent any more.
    private func send(_ bytes: ByteBuffer, isLast: Bool) -> Int? {
        let flags = Int32(MSG_NOSIGNAL) | (isLast ? 0 : Int32(MSG_MORE))
        return bytes.withUnsafeReadableBytes { bytes in
            var taken = 0
            while taken < bytes.count {
                let count = creactor_send(descriptor, bytes.baseAddress.map { $0 + taken }, UInt(bytes.count - taken), flags)
                if count < 0 {
                    if errno == EINTR { continue }
                    return errno == EAGAIN ? taken : nil
                }
                taken += count
            }
            return taken
        }
    }

    private func writeWaiting() {
        while var bytes = waiting?.first {
            guard let taken = send(bytes, isLast: waiting?.count == 1) else { return close() }
            pendingBytes -= taken
            if taken < bytes.readableBytes {
                bytes.moveReaderIndex(forwardBy: taken)
                waiting?[offset: 0] = bytes
                break
            }
            waiting?.removeFirst()
        }
        if pendingBytes == 0 { waiting = nil }
        adjust()
        written()
        guard isOpen, isFull, pendingBytes < StreamSocket.lowWater else { return }
        isFull = false
        handler?.writableChanged(true)
    }

    private func written() {
        guard pendingBytes == 0, let act = onWritten else { return }
        onWritten = nil
        act()
    }

    package func whenWritten(_ act: @escaping () -> Void) {
        onWritten = act
        written()
    }

    package func closeOutput(_ act: @escaping () -> Void) {
        whenWritten { [unowned self] in
            shutdown(descriptor, Int32(SHUT_WR))
            act()
        }
    }

    // MARK: The end

    /// Not within the step that writes: who writes does not expect to hear of the end.
    private func failLater() {
        isBroken = true
        reactor.eventLoop.assumeIsolated().execute { self.close() }
    }

    package func close() {
        guard isOpen else { return }
        closeDescriptor()
        let handler = handler
        forget()
        handler?.closed()
    }

    /// Gives the socket away, open and with whatever has been received but not asked for. `whenClosed` goes with it.
    package func detach() -> (descriptor: Int32, whenClosed: (() -> Void)?) {
        let closing = whenClosed
        whenClosed = nil
        defer { forget() }
        return (take(), closing)
    }

    private func forget() {
        let closing = whenClosed
        (handler, whenClosed, onWritten, waiting) = (nil, nil, nil, nil)
        pendingBytes = 0
        closing?()
    }
}
