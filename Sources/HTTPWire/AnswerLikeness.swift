#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The last event of a stream that told nothing but its text, so that one which differs from it in that text only needs no walk.
///
/// Exact: the same bytes in front leave a reader at the start of the same string, the string is read as strictly as ever, and the same bytes
/// behind it are read the same. Nearly all events of a stream are such, and most of their bytes are around the text.
package struct AnswerLikeness: Sendable {
    private var bytes: [UInt8] = []
    /// Behind the quote that opens the text.
    private var start = 0
    /// The quote that closes it.
    private var end = 0
    /// What is not passed on, in order.
    private var hidden: [Range<Int>] = []

    package init() {}

    /// - Parameters:
    ///   - text: Between its quotes, of a payload in which nothing else is of interest.
    ///   - hidden: Members that are not passed on, in order; the text is in none of them.
    package mutating func remember(_ payload: UnsafeRawBufferPointer, text: Range<Int>, hidden: [Range<Int>] = []) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: payload)
        (start, end) = (text.lowerBound, text.upperBound)
        self.hidden = hidden
    }

    /// How many pieces of such a payload are not passed on.
    package var hiddenCount: Int { hidden.count }

    /// One of these pieces, of a payload that is like the remembered one and has a text of so many bytes.
    package func hidden(_ position: Int, textLength: Int) -> Range<Int> {
        let range = hidden[position]
        let shift = range.lowerBound > end ? textLength &- (end &- start) : 0
        return range.lowerBound &+ shift..<range.upperBound &+ shift
    }

    /// Bytes of the text of a payload that is like the remembered one; nil when it is not.
    package func textLength(of payload: UnsafeRawBufferPointer) -> Int? {
        guard start > 0, payload.count >= start + bytes.count - end, let text = JSONText(payload) else { return nil }
        return bytes.withUnsafeBytes { known -> Int? in
            guard let known = known.baseAddress, memcmp(text.base, known, start) == 0, let quote = try? text.stringEnd(start).quote,
                text.count - quote == bytes.count - end, memcmp(text.base + quote, known + end, bytes.count - end) == 0
            else { return nil }
            return quote - start
        }
    }
}
