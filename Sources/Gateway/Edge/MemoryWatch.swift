import CPlatform
import Glibc
import Synchronization

/// How near this process is to the memory that it may use. At 95 % it sheds: idle connections and free memory go, no connections are accepted.
/// At 98 % new requests are refused (Envoy's figures), and so are large bodies that still arrive.
package final class MemoryWatch: Sendable {
    private static let shedPercent = 95
    private static let refusePercent = 98
    /// Bodies up to this size are not counted while they arrive: there is one look in a quarter of a second.
    private static let smallBody = 64 << 10

    private let limit: Int
    private let resident = Atomic<Int>(0)
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

    /// Looks again; when memory has become short, gives back what is free.
    func look() {
        guard limit > 0, let bytes = measure() else { return }
        let wasShort = isShort
        resident.store(bytes, ordering: .relaxed)
        if isShort, !wasShort { _ = cplatform_trim_allocator() }
    }

    /// Whether there is no room for a body that has just grown. What it grew by counts until the next look, which sees it.
    ///
    /// - Parameters:
    ///   - count: Bytes that were added.
    ///   - size: All of it so far.
    func isOut(after count: Int, of size: Int) -> Bool {
        guard limit > 0, size > MemoryWatch.smallBody else { return false }
        resident.add(count, ordering: .relaxed)
        return isOut
    }

    private func isAbove(_ percent: Int) -> Bool {
        limit > 0 && resident.load(ordering: .relaxed) > limit / 100 * percent
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
