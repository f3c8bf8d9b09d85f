/// Writes values as YAML that every reader of 1.1 and 1.2 reads alike: block collections, texts in double quotes where there is any doubt.
package enum YAMLWriter {
    /// Each with its marker before it.
    package static func documents(_ values: [JSONValue]) -> String {
        values.map { value in
            switch value {
            case .array(let elements) where !elements.isEmpty: "---\n" + lines(value, indent: 0).joined(separator: "\n") + "\n"
            case .object(let object) where !object.members.isEmpty: "---\n" + lines(value, indent: 0).joined(separator: "\n") + "\n"
            default: "--- \(inline(value))\n"
            }
        }.joined()
    }

    private static func lines(_ value: JSONValue, indent: Int) -> [String] {
        let space = String(repeating: " ", count: indent)
        switch value {
        case .object(let object) where !object.members.isEmpty:
            return object.members.flatMap { member -> [String] in
                let key = space + scalar(member.name) + ":"
                guard isBlock(member.value) else { return ["\(key) \(inline(member.value))"] }
                return [key] + lines(member.value, indent: indent + 2)
            }
        case .array(let elements) where !elements.isEmpty:
            return elements.flatMap { element -> [String] in
                guard isBlock(element) else { return ["\(space)- \(inline(element))"] }
                let inner = lines(element, indent: indent + 2)
                return [space + "- " + inner[0].dropFirst(indent + 2)] + inner.dropFirst()
            }
        default: return [space + inline(value)]
        }
    }

    private static func isBlock(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): !object.members.isEmpty
        case .array(let elements): !elements.isEmpty
        default: false
        }
    }

    private static func inline(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): number(value)
        case .string(let text): scalar(text)
        case .array: "[]"
        case .object: "{}"
        }
    }

    /// With a point, and a sign in the exponent, without which YAML 1.1 has no number.
    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        var text = "\(value)"
        guard let mark = text.firstIndex(of: "e") else { return text }
        if !text[..<mark].contains(".") { text.insert(contentsOf: ".0", at: mark) }
        return text.contains("e-") ? text : text.replacing("e+", with: "e").replacing("e", with: "e+")
    }

    private static func scalar(_ text: String) -> String { YAMLScalar.isPlain(text) ? text : quoted(text) }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            default:
                let isShown =
                    scalar.value >= 0x20 && scalar.value < 0x7F
                    || scalar.value >= 0xA0 && !(0x2028...0x2029).contains(scalar.value)
                        && scalar.value != 0xFEFF && scalar.value & 0xFFFE != 0xFFFE
                if isShown { out.unicodeScalars.append(scalar) } else { out += escaped(scalar) }
            }
        }
        return out + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
