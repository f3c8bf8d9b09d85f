#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Looks for the empty line that ends a head, through as many reads as it takes; no byte is looked at twice.
package struct HeadFinder: Sendable {
    private var scanned = 0
    private var lineStart = 0
    private var lines = 0
    private let limits: HeadLimits

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    /// `bytes` holds everything since the start of the head, each time.
    ///
    /// - Returns: bytes of the head with its empty line, or nil when it is not all there.
    package mutating func find(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = min(bytes.count, limits.bytes)
        while scanned < end, let found = memchr(base + scanned, 0x0A, end - scanned) {
            let feed = UnsafeRawPointer(found) - base
            guard feed > lineStart, bytes[feed - 1] == 0x0D else { throw .bareLineFeed }
            scanned = feed + 1
            if feed == lineStart + 1 {
                let length = scanned
                self = HeadFinder(limits: limits)
                return length
            }
            lineStart = scanned
            lines += 1
            guard lines <= limits.fields + 1 else { throw .tooManyFields }
        }
        scanned = end
        if bytes.count >= limits.bytes { throw lines == 0 ? .targetTooLong : .headTooLarge }
        if lines == 0, bytes.count > limits.targetBytes + 64 { throw .targetTooLong }
        return nil
    }
}
