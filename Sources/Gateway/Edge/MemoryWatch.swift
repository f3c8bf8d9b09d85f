import CPlatform
import Glibc
import NIOCore
import Synchronization

/// How near this process is to the memory that it may use. At 95 % it sheds: idle connections and free memory go, no connections are accepted.
/// At 98 % new requests are refused (Envoy's figures), and of large bodies that still arrive, and large answers that are still gathered, the largest are given
/// up, as many as bring it below 95 %. An answer counts as a body here.
package final class MemoryWatch: Sendable {
    private static let shedPercent = 95
    private static let refusePercent = 98
    /// Bodies up to this size are not counted while they arrive: there is one look in a quarter of a second.
    private static let smallBody = 64 << 10
    /// A look comes early where large bodies have grown by this share of the limit: their buffers, which double, leave smaller blocks behind that only a look sees.
    private static let looks = 64

    private let limit: Int
    private let resident = Atomic<Int>(0)
    /// Bytes that large bodies have grown by since the last look.
    private let grown = Atomic<Int>(0)
    /// Large bodies of all loops; none is known before memory is short.
    private let arrivals = Mutex(Arrivals())
    private let measure: @Sendable () -> Int?

    /// - Parameters:
    ///   - limit: Bytes; 0: no bound.
    ///   - measure: Bytes that are resident now.
    package init(limit: Int, measure: @escaping @Sendable () -> Int?) {
        self.limit = limit
        self.measure = measure
    }

    package convenience init(limit: Int) {
        let file = limit > 0 ? ResidentFile() : nil
        self.init(limit: limit) { file?.read() }
    }

    var isShort: Bool { used > line(MemoryWatch.shedPercent) }
    var isOut: Bool { used > line(MemoryWatch.refusePercent) }

    /// Bytes of the large bodies that are known to arrive.
    var arriving: Int { arrivals.withLock { $0.bytes } }

    /// Looks again; when memory has become short, gives back what is free.
    func look() {
        let wasShort = isShort
        lookAgain()
        if isShort, !wasShort { _ = cplatform_trim_allocator() }
    }

    /// Behind the lock: what was read before a body went must not be taken for what is there after it.
    ///
    /// - Parameter trimming: What went lay in pieces, whose memory the allocator keeps until it is told to give it back.
    func lookAgain(trimming: Bool = false) {
        guard limit > 0 else { return }
        if trimming { _ = cplatform_trim_allocator() }
        grown.store(0, ordering: .relaxed)
        arrivals.withLock { _ in
            if let bytes = measure() { resident.store(bytes, ordering: .relaxed) }
        }
    }

    /// Whether memory is short for a body that has just grown, which must be known then. What it grew by counts until the next look, which sees it.
    ///
    /// - Parameters:
    ///   - count: Bytes that were added.
    ///   - size: All of it so far.
    func isShort(after count: Int, of size: Int) -> Bool {
        guard limit > 0, size > MemoryWatch.smallBody else { return false }
        resident.add(count, ordering: .relaxed)
        if grown.add(count, ordering: .relaxed).newValue > limit / MemoryWatch.looks { lookAgain() }
        return isShort
    }

    /// Where memory is out, gives up the largest bodies. Those of other loops count until their loops have let them go; if they leave no memory at all until
    /// then, the largest of this loop go too, at once.
    func makeRoom(on eventLoop: any EventLoop) {
        guard isOut else { return }
        for arrival in arrivals.withLock({ largest(of: &$0) }) { arrival.giveUp() }
        guard used > limit else { return }
        for arrival in arrivals.withLock({ $0.choose(used - limit) { $0.eventLoop === eventLoop } }) { arrival.giveUp() }
    }

    private func largest(of arrivals: inout Arrivals) -> [Arrival] {
        let left = used - arrivals.leaving
        return left > line(MemoryWatch.refusePercent) ? arrivals.choose(left - line(MemoryWatch.shedPercent)) { _ in true } : []
    }

    private var used: Int { resident.load(ordering: .relaxed) }

    private func line(_ percent: Int) -> Int { limit > 0 ? limit / 100 * percent : .max }

    fileprivate func add(_ arrival: Arrival, _ body: ObjectIdentifier) { arrivals.withLock { $0.bodies[body] = arrival } }

    fileprivate func remove(_ body: ObjectIdentifier) { arrivals.withLock { $0.remove(body) } }
}

/// Large bodies that arrive, on any loop.
private struct Arrivals {
    var bodies: [ObjectIdentifier: Arrival] = [:]
    /// Bytes of those that are given up and still there.
    var leaving = 0

    var bytes: Int { bodies.values.reduce(0) { $0 + $1.size.bytes } }

    /// The largest that stay so far, as many as it takes for so many bytes; they leave from now on.
    mutating func choose(_ bytes: Int, where mayLeave: (Arrival) -> Bool) -> [Arrival] {
        var (missing, chosen) = (bytes, [Arrival]())
        let staying = bodies.filter { $0.value.leaving == 0 && mayLeave($0.value) }.map { (name: $0.key, size: $0.value.size.bytes) }
        for body in staying.sorted(by: { $0.size > $1.size }) where missing > 0 {
            missing -= body.size
            leaving += body.size
            bodies[body.name]?.leaving = body.size
            if let arrival = bodies[body.name] { chosen.append(arrival) }
        }
        return chosen
    }

    mutating func remove(_ body: ObjectIdentifier) {
        leaving -= bodies.removeValue(forKey: body)?.leaving ?? 0
    }
}

/// What all loops know of a body.
private struct Arrival {
    let size: BodySize
    let eventLoop: any EventLoop
    let body: NIOLoopBound<WeakBody>
    /// Its bytes when it was given up; 0: it was not.
    var leaving = 0

    func giveUp() {
        if eventLoop.inEventLoop { body.value.body?.giveUp() } else { eventLoop.execute { body.value.body?.giveUp() } }
    }
}

private final class BodySize: Sendable {
    private let count = Atomic<Int>(0)
    var bytes: Int {
        get { count.load(ordering: .relaxed) }
        set { count.store(newValue, ordering: .relaxed) }
    }
}

private struct WeakBody {
    weak var body: CountedBody?
}

/// A large body of a request or an answer that arrives on a loop while memory is short, for as long as somebody there holds this.
final class CountedBody {
    private let memory: MemoryWatch
    private let bytes = BodySize()
    fileprivate let giveUp: () -> Void

    /// - Parameter giveUp: Refuses it for want of memory: lets its bytes go, has the watch look again and then lets this go. Called on the loop.
    init(_ memory: MemoryWatch, on eventLoop: any EventLoop, giveUp: @escaping () -> Void) {
        self.memory = memory
        self.giveUp = giveUp
        let bound = NIOLoopBound(WeakBody(body: self), eventLoop: eventLoop)
        memory.add(Arrival(size: bytes, eventLoop: eventLoop, body: bound), ObjectIdentifier(self))
    }

    deinit { memory.remove(ObjectIdentifier(self)) }

    /// All of it so far.
    var size: Int {
        get { bytes.bytes }
        set { bytes.bytes = newValue }
    }
}

extension ByteBuffer {
    /// Forgets its bytes and gives their pages back to the system now: the allocator keeps the memory of large blocks for the next ones.
    mutating func giveBack() {
        // What somebody else holds too is copied by this, and stays theirs.
        withUnsafeMutableReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            let page = Int(getpagesize())
            let (first, end) = (start.alignedUp(toMultipleOf: page), (start + bytes.count).alignedDown(toMultipleOf: page))
            if end > first { madvise(first, end - first, MADV_DONTNEED) }
        }
        self = ByteBuffer()
    }
}

/// What the kernel says of this process's memory.
private final class ResidentFile: Sendable {
    private let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The second number of the file, in pages.
    func read() -> Int? {
        let text = withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer -> String? in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
        let fields = text?.split(separator: " ", maxSplits: 2) ?? []
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(getpagesize()) } : nil
    }
}
