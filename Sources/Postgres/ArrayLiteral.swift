/// One-dimensional arrays in PostgreSQL's text form, such as `{a,"b c",NULL}`.
enum ArrayLiteral {
    static func encode(_ elements: [String?]) -> String {
        var text: [UInt8] = [UInt8(ascii: "{")]
        text.reserveCapacity(elements.reduce(2) { $0 + ($1?.utf8.count ?? 2) + 3 })
        for (index, element) in elements.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            guard let element else {
                text += "NULL".utf8
                continue
            }
            text.append(UInt8(ascii: "\""))
            for byte in element.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
                text.append(byte)
            }
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil when the text is not an array of one dimension.
    static func decode(_ text: String) -> [String?]? {
        var reader = Reader(rest: text.unicodeScalars[...])
        return reader.array()
    }

    private struct Reader {
        var rest: String.UnicodeScalarView.SubSequence

        mutating func array() -> [String?]? {
            guard rest.popFirst() == "{" else { return nil }
            if rest.first == "}" { return rest.count == 1 ? [] : nil }
            var elements: [String?] = []
            while true {
                guard rest.first != "{", let element = element() else { return nil }
                elements.append(element.value)
                switch rest.popFirst() {
                case ",": continue
                case "}": return rest.isEmpty ? elements : nil
                default: return nil
                }
            }
        }

        /// An optional inside a value, so that NULL and failure differ.
        private mutating func element() -> (value: String?, quoted: Bool)? {
            if rest.first == "\"" { return quoted().map { ($0, true) } }
            var value = ""
            while let next = rest.first, next != ",", next != "}" {
                value.unicodeScalars.append(next)
                rest.removeFirst()
            }
            return value.isEmpty ? nil : (value == "NULL" ? nil : value, false)
        }

        private mutating func quoted() -> String? {
            rest.removeFirst()
            var value = ""
            while let next = rest.popFirst() {
                if next == "\"" { return value }
                guard let character = next == "\\" ? rest.popFirst() : next else { return nil }
                value.unicodeScalars.append(character)
            }
            return nil
        }
    }
}
