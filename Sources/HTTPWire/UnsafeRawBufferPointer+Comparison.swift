#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension UnsafeRawBufferPointer {
    /// Whether the bytes at `range` are `expected`; false when the range does not lie within.
    package func holds(_ expected: [UInt8], at range: Range<Int>) -> Bool {
        guard range.count == expected.count, range.lowerBound >= 0, range.upperBound <= count, let start = baseAddress else { return false }
        return memcmp(start + range.lowerBound, expected, expected.count) == 0
    }
}
