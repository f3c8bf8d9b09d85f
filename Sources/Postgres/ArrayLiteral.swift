/// One-dimensional arrays in PostgreSQL's text form, such as `{a,"b c",NULL}`.
enum ArrayLiteral {
    static func encode(_ elements: [String?]) -> String {
        let parts = elements.map { element -> String in
            guard let element else { return "NULL" }
            var quoted = "\""
            for character in element.unicodeScalars {
                if character == "\"" || character == "\\" { quoted.unicodeScalars.append("\\") }
                quoted.unicodeScalars.append(character)
            }
            return quoted + "\""
        }
        return "{" + parts.joined(separator: ",") + "}"
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
