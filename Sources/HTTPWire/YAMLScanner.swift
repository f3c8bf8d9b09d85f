/// A cursor over the bytes of a YAML text that knows line and column.
struct YAMLScanner {
    struct Scalar {
        var text: String
        /// The text of one without quotes.
        var plain: String?
    }

    private let bytes: [UInt8]
    private var position = 0
    private var lineStart = 0
    private(set) var line = 1
    /// `...` was read since the last document.
    var isAfterEnd = false

    private static let (newline, space, tab) = (UInt8(0x0A), UInt8(0x20), UInt8(0x09))
    private static let flowIndicators = Set(",[]{}".utf8)

    init(_ bytes: [UInt8]) {
        // The ends of lines that other systems have.
        var clean: [UInt8] = []
        clean.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() where byte != 0x0D || index + 1 == bytes.count || bytes[index + 1] != 0x0A { clean.append(byte) }
        self.bytes = clean
    }

    var isAtEnd: Bool { position >= bytes.count }
    var column: Int { position - lineStart }

    func fault(_ message: String) -> YAMLFault { YAMLFault(line: line, message: message) }

    func peek(_ ahead: Int = 0) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == Self.newline { (line, lineStart) = (line + 1, position + 1) }
            position += 1
        }
    }

    private func isBlank(_ byte: UInt8?) -> Bool { byte == nil || byte == Self.space || byte == Self.tab || byte == Self.newline }

    /// A dash that begins an element.
    var isAtDash: Bool { peek() == UInt8(ascii: "-") && isBlank(peek(1)) && !isAtMarker }

    /// A colon that ends a key.
    var isAtColon: Bool { peek() == UInt8(ascii: ":") && isBlank(peek(1)) }

    var isAtMarker: Bool { column == 0 && (isAt("---") || isAt("...")) }

    private func isAt(_ marker: String) -> Bool {
        let wanted = Array(marker.utf8)
        return (0..<3).allSatisfy { peek($0) == wanted[$0] } && isBlank(peek(3))
    }

    mutating func takeMarker(_ marker: String) -> Bool {
        guard column == 0, isAt(marker) else { return false }
        advance(3)
        isAfterEnd = marker == "..."
        return true
    }

    mutating func skipBlanks() {
        while peek() == Self.space || peek() == Self.tab { advance() }
    }

    /// To the next thing that is no white space and no comment.
    mutating func skip() throws(YAMLFault) {
        while let byte = peek() {
            switch byte {
            case Self.space, Self.newline: advance()
            case Self.tab:
                let isIndentation = bytes[lineStart..<position].allSatisfy { $0 == Self.space || $0 == Self.tab }
                skipBlanks()
                if isIndentation, let next = peek(), next != Self.newline, next != UInt8(ascii: "#") { throw fault("is indented by a tab") }
            case UInt8(ascii: "#") where position == lineStart || isBlank(bytes[position - 1]): skipLine()
            default: return
            }
        }
    }

    private mutating func skipLine() {
        while let byte = peek(), byte != Self.newline { advance() }
    }

    /// The same between brackets, where indentation means nothing; the text must go on.
    mutating func skipInFlow() throws(YAMLFault) {
        while let byte = peek() {
            if byte == Self.space || byte == Self.tab || byte == Self.newline {
                advance()
            } else if byte == UInt8(ascii: "#"), position == 0 || isBlank(bytes[position - 1]) {
                skipLine()
            } else {
                guard !isAtMarker else { break }
                return
            }
        }
        throw fault("a bracket or brace is not closed")
    }

    /// Nothing but a comment may follow on this line.
    mutating func endLine() throws(YAMLFault) {
        let before = position
        skipBlanks()
        if peek() == UInt8(ascii: "#"), position > before { skipLine() }
        guard peek() == nil || peek() == Self.newline else { throw fault("something follows that belongs to nothing") }
    }

    /// Up to the next white space or flow indicator.
    mutating func word() -> String {
        let start = position
        while let byte = peek(), !isBlank(byte), !Self.flowIndicators.contains(byte) { advance() }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}

extension YAMLScanner {
    /// A plain or quoted scalar of one line.
    mutating func scalar(isFlow: Bool) throws(YAMLFault) -> Scalar {
        switch peek() {
        case UInt8(ascii: "\""): return Scalar(text: try doubleQuoted(), plain: nil)
        case UInt8(ascii: "'"): return Scalar(text: try singleQuoted(), plain: nil)
        default:
            let text = try plain(isFlow: isFlow)
            return Scalar(text: text, plain: text)
        }
    }

    private mutating func plain(isFlow: Bool) throws(YAMLFault) -> String {
        guard let first = peek() else { throw fault("a value is missing") }
        let mayBegin = "-?:".utf8.contains(first) ? !isBlank(peek(1)) : !",[]{}#&*!|>'\"%@`".utf8.contains(first)
        guard mayBegin else { throw fault("nothing begins with '\(Character(Unicode.Scalar(first)))' here: quote it if it is a text") }
        let start = position
        while let byte = peek(), byte != Self.newline {
            if byte == UInt8(ascii: ":"), isBlank(peek(1)) || isFlow && peek(1).map(Self.flowIndicators.contains) == true { break }
            if isFlow, Self.flowIndicators.contains(byte) { break }
            if byte == UInt8(ascii: "#"), isBlank(bytes[position - 1]) { break }
            if byte < 0x20, byte != Self.tab { throw fault("has a control character") }
            advance()
        }
        var end = position
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        position = end
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private mutating func singleQuoted() throws(YAMLFault) -> String {
        var text: [UInt8] = []
        advance()
        while let byte = peek(), byte != Self.newline {
            advance()
            guard byte == UInt8(ascii: "'") else {
                text.append(byte)
                continue
            }
            guard peek() == UInt8(ascii: "'") else { return String(decoding: text, as: UTF8.self) }
            text.append(byte)
            advance()
        }
        throw fault("a quote is not closed on its line")
    }

    private mutating func doubleQuoted() throws(YAMLFault) -> String {
        var text: [UInt8] = []
        advance()
        while let byte = peek(), byte != Self.newline {
            advance()
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            default: text.append(byte)
            }
        }
        throw fault("a quote is not closed on its line")
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "0"): 0, UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8,
        UInt8(ascii: "v"): 0x0B, UInt8(ascii: "f"): 0x0C, UInt8(ascii: "e"): 0x1B, UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C,
        UInt8(ascii: "/"): 0x2F, UInt8(ascii: " "): 0x20,
    ]

    private mutating func escape() throws(YAMLFault) -> [UInt8] {
        guard let byte = peek() else { throw fault("a quote is not closed on its line") }
        advance()
        if let simple = Self.escapes[byte] { return [simple] }
        let lengths: [UInt8: Int] = [UInt8(ascii: "x"): 2, UInt8(ascii: "u"): 4, UInt8(ascii: "U"): 8]
        guard let length = lengths[byte] else { throw fault("has an escape that is not read") }
        let digits = (0..<length).compactMap { peek($0) }
        advance(length)
        guard digits.count == length, let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16), let scalar = Unicode.Scalar(number)
        else {
            throw fault("has an escape that is no character")
        }
        return Array(String(Character(scalar)).utf8)
    }
}

extension YAMLScanner {
    /// `|` keeps lines, `>` folds them; `-` and `+` say what becomes of the last ends of lines.
    mutating func blockScalar(under parent: Int, isTop: Bool) throws(YAMLFault) -> String {
        let isFolded = peek() == UInt8(ascii: ">")
        advance()
        var keep: UInt8?
        if let byte = peek(), byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") {
            keep = byte
            advance()
        }
        if let byte = peek(), (48...57).contains(byte) { throw fault("how far a text is indented is not read from a number") }
        try endLine()
        advance()
        var (lines, indent): ([[UInt8]], Int?) = ([], nil)
        while !isAtEnd {
            let end = bytes[position...].firstIndex(of: Self.newline) ?? bytes.count
            let line = Array(bytes[position..<end])
            let spaces = line.prefix { $0 == Self.space }.count
            if spaces < line.count {
                let least = indent ?? spaces
                if spaces <= parent && !(isTop && spaces == 0) || isAtMarker { break }
                guard spaces >= least else {
                    guard spaces <= parent else { throw fault("is indented less than the text that it belongs to") }
                    break
                }
                indent = least
                lines.append(Array(line.dropFirst(least)))
            } else {
                lines.append(indent.map { Array(line.dropFirst($0)) } ?? [])
            }
            advance(end - position + 1)
        }
        return Self.joined(lines, isFolded: isFolded, keep: keep)
    }

    private static func joined(_ lines: [[UInt8]], isFolded: Bool, keep: UInt8?) -> String {
        let body = lines.prefix(lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)
        var text = ""
        for (index, line) in body.enumerated() {
            let words = String(decoding: line, as: UTF8.self)
            guard index > 0 else {
                text = words
                continue
            }
            let before = body[index - 1]
            let isMore = { (line: [UInt8]) in line.first == space || line.first == tab }
            // A single end of line between two lines that are not indented more is a space; of several one is left out.
            if isFolded, !line.isEmpty, !isMore(line) {
                let start = body[..<index].lastIndex { !$0.isEmpty } ?? -1
                let folds = start >= 0 && !isMore(body[start])
                if before.isEmpty { text += folds ? "" : "\n" } else { text += folds ? " " : "\n" }
                text += words
            } else {
                text += "\n" + words
            }
        }
        let rest = lines.count - body.count
        switch keep {
        case UInt8(ascii: "-"): return text
        case UInt8(ascii: "+"): return text + String(repeating: "\n", count: (body.isEmpty ? 0 : 1) + rest)
        default: return body.isEmpty ? "" : text + "\n"
        }
    }
}
