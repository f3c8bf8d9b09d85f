/// Takes the chunks of a body apart (RFC 9112, section 7.1), at any split of the bytes.
///
/// Extensions and trailers are allowed, dropped, and bounded: an endless one is refused.
package struct ChunkedDecoder: Sendable {
    package enum Step: Sendable, Equatable {
        /// Bytes of the body, as a range of what was handed in.
        case data(Range<Int>)
        /// All bytes have been used up.
        case needMore
        /// The body is complete; what follows begins at this offset.
        case end(Int)
    }

    private enum State: Sendable {
        case size
        case sizeDigits
        case extensionStart
        case extensionName
        case extensionNameEnd
        case extensionValueStart
        case extensionValue
        case quoted
        case quotedEscape
        case quotedEnd
        case sizeFeed
        case data
        case dataReturn
        case dataFeed
        case trailerStart
        case trailerName
        case trailer
        case trailerFeed
        case lastFeed
        case done
    }

    /// Bytes of all extensions of one body, and of all trailers.
    private static let longestOverhead = 16 * 1024

    private var state = State.size
    private var left = 0
    private var digits = 0
    private var overhead = 0

    package init() {}

    /// True between messages: nothing of a chunk has been read.
    package var isDone: Bool { if case .done = state { true } else { false } }

    /// Goes on at `offset`; call again from the end of the returned range until it says `needMore` or `end`.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, from offset: Int) throws(HTTPFault) -> Step {
        var at = offset
        while at < bytes.count {
            if case .data = state {
                let end = at + min(left, bytes.count - at)
                left -= end - at
                if left == 0 { state = .dataReturn }
                return .data(at..<end)
            }
            try take(bytes[at])
            at += 1
            if case .done = state { return .end(at) }
        }
        return .needMore
    }

    private mutating func take(_ byte: UInt8) throws(HTTPFault) {
        switch state {
        case .size, .sizeDigits: try sizeByte(byte)
        case .extensionStart, .extensionName, .extensionNameEnd, .extensionValueStart, .extensionValue, .quoted, .quotedEscape, .quotedEnd:
            try extensionByte(byte)
        case .sizeFeed:
            guard byte == 0x0A else { throw .malformedChunk }
            state = left == 0 ? .trailerStart : .data
            digits = 0
        case .dataReturn:
            guard byte == 0x0D else { throw .malformedChunk }
            state = .dataFeed
        case .dataFeed:
            guard byte == 0x0A else { throw .malformedChunk }
            state = .size
        case .trailerStart, .trailerName, .trailer, .trailerFeed, .lastFeed: try trailerByte(byte)
        case .data, .done: throw .malformedChunk
        }
    }

    private mutating func sizeByte(_ byte: UInt8) throws(HTTPFault) {
        if let digit = hexValue(byte) {
            digits += 1
            guard digits <= 12 else { throw .malformedChunk }
            left = left << 4 | Int(digit)
            state = .sizeDigits
            return
        }
        guard case .sizeDigits = state else { throw .malformedChunk }
        switch byte {
        case 0x0D: state = .sizeFeed
        case UInt8(ascii: ";"): state = .extensionStart
        default: throw .malformedChunk
        }
    }

    /// `;` name, or `;` name `=` value; white space around the semicolon's parts only where the grammar has it.
    private mutating func extensionByte(_ byte: UInt8) throws(HTTPFault) {
        overhead += 1
        guard overhead <= ChunkedDecoder.longestOverhead, let next = afterExtension(byte) else { throw .malformedChunk }
        state = next
    }

    private func afterExtension(_ byte: UInt8) -> State? {
        let isSpace = byte == 0x20 || byte == 0x09
        switch state {
        case .extensionStart: return isSpace ? state : HeadBytes.isToken(byte) ? .extensionName : nil
        case .extensionName where HeadBytes.isToken(byte), .extensionValue where HeadBytes.isToken(byte): return state
        case .extensionName where isSpace, .extensionNameEnd where isSpace: return .extensionNameEnd
        case .extensionName where byte == UInt8(ascii: "="), .extensionNameEnd where byte == UInt8(ascii: "="): return .extensionValueStart
        case .extensionNameEnd: return byte == UInt8(ascii: ";") ? .extensionStart : nil
        case .extensionValueStart: return isSpace ? state : byte == UInt8(ascii: "\"") ? .quoted : HeadBytes.isToken(byte) ? .extensionValue : nil
        case .quoted where byte == UInt8(ascii: "\""): return .quotedEnd
        case .quoted where byte == UInt8(ascii: "\\"): return .quotedEscape
        case .quoted, .quotedEscape: return HeadBytes.isFieldByte(byte) ? .quoted : nil
        default: return byte == 0x0D ? .sizeFeed : byte == UInt8(ascii: ";") ? .extensionStart : nil
        }
    }

    private mutating func trailerByte(_ byte: UInt8) throws(HTTPFault) {
        overhead += 1
        guard overhead <= ChunkedDecoder.longestOverhead else { throw .malformedChunk }
        switch state {
        case .trailerStart where byte == 0x0D: state = .lastFeed
        case .trailerStart:
            guard HeadBytes.isToken(byte) else { throw .malformedChunk }
            state = .trailerName
        case .trailerName where byte == UInt8(ascii: ":"): state = .trailer
        case .trailerName:
            guard HeadBytes.isToken(byte) else { throw .malformedChunk }
        case .trailer where byte == 0x0D: state = .trailerFeed
        case .trailer:
            guard HeadBytes.isFieldByte(byte) else { throw .malformedChunk }
        case .trailerFeed:
            guard byte == 0x0A else { throw .malformedChunk }
            state = .trailerStart
        default:
            guard byte == 0x0A else { throw .malformedChunk }
            state = .done
        }
    }
}
