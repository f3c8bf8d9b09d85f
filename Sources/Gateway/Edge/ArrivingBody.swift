import NIOCore
import OpenAIWire
import Telemetry

/// The body of a request while it arrives, on its loop. A large one counts against the memory of this process once that is short, and may have to go.
final class ArrivingBody {
    /// Nil: nothing has come.
    private var bytes: ByteBuffer?
    /// Of one that had to go, what is left of it.
    private(set) var beginning: ByteBuffer?
    private static let keptBytes = 4 * 1024
    /// The most that is read at once, so that others have their turn.
    private static let filledAtOnce = 256 * 1024
    private let loop: GatewayLoop
    /// Of a large body while memory is short.
    private var counted: CountedBody?

    init(_ loop: GatewayLoop) {
        self.loop = loop
    }

    var count: Int { bytes?.readableBytes ?? 0 }

    /// It is refused for this error: counts it by its model, where it is this gateway's fault. Gives what wants to see the rest of it; nil: nothing does.
    func refused(_ error: APIError, _ arriving: ArrivingRequest) -> OwnRefusal? {
        guard arriving.captures == nil, let own = OwnRefusal(error, arriving.key, acceptedAt: arriving.acceptedAt, loop) else { return nil }
        let wantsMore = own.wants(behind: (beginning ?? bytes ?? ByteBuffer()).readableBytesView)
        return wantsMore && beginning == nil ? own : nil
    }

    func reserve(_ count: Int) {
        begin()
        bytes?.reserveCapacity(count)
    }

    func add(_ more: Slice<UnsafeRawBufferPointer>) {
        begin()
        bytes?.writeBytes(more)
    }

    func add(_ more: ByteBuffer) {
        begin()
        bytes?.writeImmutableBuffer(more)
    }

    /// Adds what `read` reads, of the `left` bytes that are still to come; gives what it gave.
    func fill(_ left: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        begin()
        let room = min(left, Self.filledAtOnce)
        var count = 0
        _ = bytes?.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { place in
            count = read(UnsafeMutableRawBufferPointer(rebasing: place[..<room]))
            return max(0, count)
        }
        return count
    }

    private func begin() {
        if bytes == nil { bytes = ByteBuffer() }
    }

    /// It came in one piece, which is not copied.
    func becomes(_ whole: consuming ByteBuffer) {
        bytes = whole
    }

    /// Ends it and hands its bytes over, so that nothing else holds them.
    func take() -> ByteBuffer {
        let whole = bytes.take()
        drop()
        return whole ?? ByteBuffer()
    }

    func drop() {
        bytes = nil
        beginning = nil
        counted = nil
    }

    /// Whether memory is short for it; then `makeRoom` comes next.
    ///
    /// - Parameter added: Bytes that have come just now.
    func lacksRoom(after added: Int) -> Bool {
        loop.memory.isShort(after: added, of: count)
    }

    /// Lets all loops know of it, and the largest bodies go where memory is out.
    ///
    /// - Parameter refuse: Refuses this one, whose bytes have gone already: at once or later, as long as it arrives.
    func makeRoom(orElse refuse: @escaping () -> Void) {
        let counted = counted ?? CountedBody(loop.memory, on: loop.eventLoop) { [unowned self] in giveUp(refuse) }
        self.counted = counted
        counted.size = count
        loop.memory.makeRoom(on: loop.eventLoop)
    }

    private func giveUp(_ refuse: () -> Void) {
        beginning = bytes.map { ByteBuffer(bytes: $0.readableBytesView.prefix(Self.keptBytes)) }
        bytes?.giveBack()
        loop.memory.lookAgain()
        loop.metrics.edge.memoryRefusals.increment()
        refuse()
    }
}
