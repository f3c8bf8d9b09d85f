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
    /// What is not passed on.
    private var hidden: Range<Int>?

    package init() {}

    /// - Parameters:
    ///   - text: Between its quotes, of a payload in which nothing else is of interest.
    ///   - hidden: A member that is not passed on; the text is not in it.
    package mutating func remember(_ payload: UnsafeRawBufferPointer, text: Range<Int>, hidden: Range<Int>? = nil) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: payload)
        (start, end) = (text.lowerBound, text.upperBound)
        self.hidden = hidden
    }

    /// What is not passed on of a payload that is like the remembered one and has a text of so many bytes.
    package func hidden(textLength: Int) -> Range<Int>? {
        guard let hidden else { return nil }
        let shift = hidden.lowerBound > end ? textLength &- (end &- start) : 0
        return hidden.lowerBound &+ shift..<hidden.upperBound &+ shift
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
