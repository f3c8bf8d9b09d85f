import HTTPWire

/// A chunked body is the same wherever its bytes are split, and is what a decoder that sees all of it at once makes of it.
enum ChunkFuzzer: Fuzzer {
    static let name = "chunks"

    private enum Body: Equatable {
        /// With the bytes that it took.
        case whole([UInt8], taken: Int)
        case incomplete([UInt8])
        case refused
    }

    static func check(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let pieces = steering.pieces()
        let whole = Array(steering.rest)
        let body = decode([whole[...]])
        try hold(body == decode(pieces), "another body when the bytes are split")
        let isWhole = if case .whole = body { true } else { false }
        try hold(atOnce(whole) == (isWhole ? body : nil), "another body than read at once")
    }

    private static func decode(_ pieces: [ArraySlice<UInt8>]) -> Body {
        var (decoder, data, taken) = (ChunkedDecoder(), [UInt8](), 0)
        do {
            for piece in pieces.map(Array.init) {
                var at = 0
                steps: while true {
                    switch try piece.withUnsafeBytes({ try decoder.next($0, from: at) }) {
                    case .data(let range):
                        data += piece[range]
                        at = range.upperBound
                    case .end(let end): return .whole(data, taken: taken + end)
                    case .needMore: break steps
                    }
                }
                taken += piece.count
            }
        } catch {
            return .refused
        }
        return .incomplete(data)
    }

    /// Line by line, by the grammar of RFC 9112, section 7.1; nil for all that is no whole body.
    private static func atOnce(_ bytes: [UInt8]) -> Body? {
        var (rest, data) = (bytes[...], [UInt8]())
        while true {
            guard let line = takeLine(&rest), let size = size(line) else { return nil }
            if size == 0 { break }
            guard rest.count >= size + 2, rest.dropFirst(size).starts(with: "\r\n".utf8) else { return nil }
            data += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        while let line = takeLine(&rest) {
            guard let first = line.first else { return .whole(data, taken: rest.startIndex) }
            let name = line.prefix(while: isToken)
            guard isToken(first), line.dropFirst(name.count).first == UInt8(ascii: ":") else { return nil }
        }
        return nil
    }

    /// The line without its end.
    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let line = rest.prefix { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
        guard rest.dropFirst(line.count).starts(with: "\r\n".utf8) else { return nil }
        rest = rest.dropFirst(line.count + 2)
        return line
    }

    private static func size(_ line: ArraySlice<UInt8>) -> Int? {
        let digits = line.prefix(while: isHex)
        let extensions = line.dropFirst(digits.count)
        guard (1...12).contains(digits.count), areExtensions(extensions) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// Any number of `;name`, `;name=token` and `;name="quoted"`, with white space behind `;`, around `=`, and behind a name before the next `;`.
    private static func areExtensions(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        while let first = rest.popFirst() {
            rest = rest.drop(while: isSpace)
            guard first == UInt8(ascii: ";"), takeToken(&rest) else { return false }
            let behind = rest.drop(while: isSpace)
            guard behind.first == UInt8(ascii: "=") else {
                guard behind.first == UInt8(ascii: ";") || rest.isEmpty else { return false }
                rest = behind
                continue
            }
            rest = behind.dropFirst().drop(while: isSpace)
            guard rest.first == UInt8(ascii: "\"") ? takeQuoted(&rest) : takeToken(&rest) else { return false }
        }
        return true
    }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let token = rest.prefix(while: isToken)
        rest = rest.dropFirst(token.count)
        return !token.isEmpty
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest = rest.dropFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") { _ = rest.popFirst() }
        }
        return false
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isHex(_ byte: UInt8) -> Bool { byte < 0x80 && Character(UnicodeScalar(byte)).isHexDigit }

    private static func isToken(_ byte: UInt8) -> Bool {
        byte < 0x80 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber || "!#$%&'*+-.^_`|~".utf8.contains(byte))
    }
}
