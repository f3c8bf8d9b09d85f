import CPlatform
import Glibc
import NIOCore
import Synchronization

/// How near this process is to the memory that it may use. At 95 % it sheds: idle connections and free memory go, no connections are accepted.
/// At 98 % new requests are refused (Envoy's figures), and of large bodies that still arrive the largest are given up, as many as needed.
package final class MemoryWatch: Sendable {
    private static let shedPercent = 95
    private static let refusePercent = 98
    /// Bodies up to this size are not counted while they arrive: there is one look in a quarter of a second.
    private static let smallBody = 64 << 10

    fileprivate struct Arrival {
        var size: Int
        let eventLoop: any EventLoop
        let body: NIOLoopBound<WeakBody>
    }

    private let limit: Int
    private let resident = Atomic<Int>(0)
    private let hasGivenUp = Atomic<Bool>(false)
    /// Large bodies that still arrive, on all loops.
    private let bodies = Mutex<[ObjectIdentifier: Arrival]>([:])
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

    var isShort: Bool { isAbove(MemoryWatch.shedPercent) }
    var isOut: Bool { isAbove(MemoryWatch.refusePercent) }

    /// Bytes of large bodies that still arrive.
    var arriving: Int { bodies.withLock { $0.values.reduce(0) { $0 + $1.size } } }

    /// Looks again; when memory has become short, or bodies were given up, gives back what is free.
    func look() {
        guard limit > 0, let bytes = measure() else { return }
        let wasShort = isShort
        resident.store(bytes, ordering: .relaxed)
        guard isShort, hasGivenUp.exchange(false, ordering: .relaxed) || !wasShort else { return }
        _ = cplatform_trim_allocator()
        if let left = measure() { resident.store(left, ordering: .relaxed) }
    }

    /// Whether a body of this size is counted while it arrives.
    func counts(_ size: Int) -> Bool { limit > 0 && size > MemoryWatch.smallBody }

    /// A body has just grown. What it grew by counts until the next look, which sees it. Where there is no room for it, the largest of all that
    /// arrive are given up until there is.
    ///
    /// - Parameters:
    ///   - count: Bytes that were added.
    ///   - size: All of it so far.
    func grew(_ body: ArrivingBody, by count: Int, to size: Int) {
        resident.add(count, ordering: .relaxed)
        let lost = bodies.withLock { bodies in
            bodies[ObjectIdentifier(body)]?.size = size
            return makeRoom(&bodies)
        }
        for arrival in lost { arrival.eventLoop.execute { arrival.body.value.body?.giveUp() } }
    }

    private func makeRoom(_ bodies: inout [ObjectIdentifier: Arrival]) -> [Arrival] {
        var lost: [Arrival] = []
        while isOut, let largest = bodies.max(by: { $0.value.size < $1.value.size }) {
            bodies[largest.key] = nil
            resident.subtract(largest.value.size, ordering: .relaxed)
            hasGivenUp.store(true, ordering: .relaxed)
            lost.append(largest.value)
        }
        return lost
    }

    fileprivate func add(_ arrival: Arrival, _ body: ObjectIdentifier) { bodies.withLock { $0[body] = arrival } }

    fileprivate func remove(_ body: ObjectIdentifier) { bodies.withLock { $0[body] = nil } }

    private func isAbove(_ percent: Int) -> Bool {
        limit > 0 && resident.load(ordering: .relaxed) > limit / 100 * percent
    }
}

/// A large body that arrives on a loop, for as long as somebody there holds this.
final class ArrivingBody {
    private let memory: MemoryWatch
    /// Refuses it for want of memory.
    fileprivate let giveUp: () -> Void

    init(_ loop: GatewayLoop, giveUp: @escaping () -> Void) {
        memory = loop.memory
        self.giveUp = giveUp
        let bound = NIOLoopBound(WeakBody(body: self), eventLoop: loop.eventLoop)
        memory.add(MemoryWatch.Arrival(size: 0, eventLoop: loop.eventLoop, body: bound), ObjectIdentifier(self))
    }

    deinit { memory.remove(ObjectIdentifier(self)) }
}

private struct WeakBody {
    weak var body: ArrivingBody?
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
