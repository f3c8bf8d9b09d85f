/// Tells which lines of a log are of a private key (PEM, RFC 7468; PGP, RFC 9580) that stands over several of them: no rule for one line finds it.
package struct PrivateKeyLines: Sendable {
    /// In place of such a line.
    package static let cover = "<redacted private-key>"
    /// A key of RSA with 16,384 bits has 200.
    private static let most = 256
    private var left = 0

    package init() {}

    /// Whether a key has begun and not ended.
    package var isOpen: Bool { left > 0 }

    /// Takes the next line, without its line break; whether it holds part of a key. The lines that say where a key begins and ends hold nothing.
    package mutating func take(_ line: some StringProtocol) -> Bool {
        if let mark = Self.mark(line) {
            left = mark == .begin ? Self.most : 0
            return false
        }
        guard left > 0 else { return false }
        left -= 1
        return Self.mayBeKey(line)
    }

    /// The lines with those of keys covered, also where only the end of a key is among them.
    package static func covered(_ lines: [String]) -> [String] {
        var (covered, keys) = (lines, PrivateKeyLines())
        for (index, line) in lines.enumerated() {
            let isEnd = mark(line) == .end && !keys.isOpen
            if keys.take(line) { covered[index] = cover }
            guard isEnd else { continue }
            for before in lines[..<index].indices.reversed().prefix(most) {
                guard mayBeKey(lines[before]) else { break }
                covered[before] = cover
            }
        }
        return covered
    }

    private enum Mark {
        case begin, end
    }

    /// Of two in a line the last one counts.
    private static func mark(_ line: some StringProtocol) -> Mark? {
        guard line.contains("PRIVATE KEY") else { return nil }
        if line.contains("-----END ") { return .end }
        return line.contains("-----BEGIN ") ? .begin : nil
    }

    /// Base64 and nothing else; behind what a log puts in front of each line only where it is too long for a word.
    private static func mayBeKey(_ line: some StringProtocol) -> Bool {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let last = words.last, words.count == 1 || last.utf8.count >= 24 else { return false }
        return last.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
                true
            default: false
            }
        }
    }
}
