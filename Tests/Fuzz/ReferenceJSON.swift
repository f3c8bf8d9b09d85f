/// A JSON reader that shares nothing with those of the gateway: slow, plain, and of the same bounds (depth 64, 10,000 keys, numbers of 128 bytes; no text of a fuzzer is as long as a string may be).
struct ReferenceJSON {
    struct Node {
        enum Kind: Equatable { case null, bool, number, string, array, object }
        var kind: Kind
        /// Quotes and brackets included.
        var range: Range<Int>
        var elements: [Node] = []
        var members: [Member] = []
    }

    struct Member {
        /// Between the quotes, as written.
        var name: Range<Int>
        var value: Node
    }

    private struct Refused: Error {}

    private let bytes: [UInt8]
    private var at = 0
    private var keys = 0

    /// Nil when the bytes are no JSON text.
    static func read(_ bytes: [UInt8]) -> Node? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = ReferenceJSON(bytes: bytes)
        guard let node = try? reader.value(depth: 0) else { return nil }
        reader.space()
        return reader.at == bytes.count ? node : nil
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func space() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
    }

    private mutating func expect(_ text: String) throws {
        guard bytes[at...].starts(with: text.utf8) else { throw Refused() }
        at += text.utf8.count
    }

    private mutating func value(depth: Int) throws -> Node {
        space()
        let start = at
        guard let byte = next else { throw Refused() }
        var node = Node(kind: .null, range: start..<start)
        switch Character(UnicodeScalar(byte)) {
        case "{": (node.kind, node.members) = (.object, try members(depth: depth + 1))
        case "[": (node.kind, node.elements) = (.array, try elements(depth: depth + 1))
        case "\"": (node.kind, _) = (.string, try string())
        case "t": (node.kind, _) = (.bool, try expect("true"))
        case "f": (node.kind, _) = (.bool, try expect("false"))
        case "n": try expect("null")
        default: (node.kind, _) = (.number, try number())
        }
        node.range = start..<at
        return node
    }

    private mutating func elements(depth: Int) throws -> [Node] {
        guard depth <= 64 else { throw Refused() }
        at += 1
        space()
        var elements: [Node] = []
        while next != UInt8(ascii: "]") {
            if !elements.isEmpty { try expect(",") }
            elements.append(try value(depth: depth))
            space()
        }
        at += 1
        return elements
    }

    private mutating func members(depth: Int) throws -> [Member] {
        guard depth <= 64 else { throw Refused() }
        at += 1
        space()
        var members: [Member] = []
        var names: Set<[UInt8]> = []
        while next != UInt8(ascii: "}") {
            if !members.isEmpty { try expect(",") }
            space()
            let name = try string()
            keys += 1
            guard keys <= 10_000, names.insert(Self.text(bytes[name])).inserted else { throw Refused() }
            space()
            try expect(":")
            members.append(Member(name: name, value: try value(depth: depth)))
            space()
        }
        at += 1
        return members
    }

    /// What stands between the quotes.
    private mutating func string() throws -> Range<Int> {
        try expect("\"")
        let start = at
        while next != UInt8(ascii: "\"") {
            guard let byte = next, byte >= 0x20 else { throw Refused() }
            at += byte == UInt8(ascii: "\\") ? try escape() : 1
        }
        at += 1
        return start..<at - 1
    }

    /// Length of the escape.
    private func escape() throws -> Int {
        guard at + 1 < bytes.count else { throw Refused() }
        guard bytes[at + 1] == UInt8(ascii: "u") else {
            guard "\"\\/bfnrt".utf8.contains(bytes[at + 1]) else { throw Refused() }
            return 2
        }
        guard let first = Self.unit(bytes[(at + 2)...]) else { throw Refused() }
        switch first {
        case 0xD800...0xDBFF:
            guard bytes[(at + 6)...].starts(with: "\\u".utf8), let second = Self.unit(bytes[(at + 8)...]), 0xDC00...0xDFFF ~= second else {
                throw Refused()
            }
            return 12
        case 0xDC00...0xDFFF: throw Refused()
        default: return 6
        }
    }

    private static func unit(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        let digits = bytes.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit && $0 < 0x80 }) else { return nil }
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func number() throws {
        let run = bytes[at...].prefix { "+-.0123456789eE".utf8.contains($0) }
        var rest = run.first == UInt8(ascii: "-") ? run.dropFirst() : run
        let whole = Self.digits(&rest)
        guard !whole.isEmpty, whole.count == 1 || whole.first != 0x30 else { throw Refused() }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard !Self.digits(&rest).isEmpty else { throw Refused() }
        }
        if let exponent = rest.first {
            guard "eE".utf8.contains(exponent) else { throw Refused() }
            rest = rest.dropFirst()
            if let sign = rest.first, "+-".utf8.contains(sign) { rest = rest.dropFirst() }
            guard !Self.digits(&rest).isEmpty else { throw Refused() }
        }
        guard rest.isEmpty, run.count <= 128, Double(String(decoding: run, as: UTF8.self))?.isFinite == true else { throw Refused() }
        at += run.count
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = rest.prefix { 0x30...0x39 ~= $0 }
        rest = rest.dropFirst(digits.count)
        return digits
    }

    /// The text between quotes with its escapes resolved.
    static func text(_ raw: ArraySlice<UInt8>) -> [UInt8] {
        var (rest, units) = (raw, [UInt16]())
        var text: [UInt8] = []
        func flush() {
            text += Array(String(decoding: units, as: UTF16.self).utf8)
            units = []
        }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                flush()
                text.append(byte)
                continue
            }
            if kind == UInt8(ascii: "u") {
                units.append(unit(rest) ?? 0)
                rest = rest.dropFirst(4)
            } else {
                flush()
                let plain: [UInt8: UInt8] = [0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09]
                text.append(plain[kind] ?? kind)
            }
        }
        flush()
        return text
    }
}
