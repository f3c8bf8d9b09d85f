import HTTPWire

/// JSON values as text.
enum JSONPrinter {
    static func compact(_ value: JSONValue) -> String {
        print(value, indent: nil, depth: 0)
    }

    /// Two spaces a level.
    static func pretty(_ value: JSONValue) -> String {
        print(value, indent: "  ", depth: 0)
    }

    private static func print(_ value: JSONValue, indent: String?, depth: Int) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): String(describing: number)
        case .string(let text): quote(text)
        case .array(let elements):
            enclose("[", "]", elements.map { print($0, indent: indent, depth: depth + 1) }, indent, depth)
        case .object(let object):
            enclose(
                "{", "}", object.members.map { "\(quote($0.name)):\(indent == nil ? "" : " ")" + print($0.value, indent: indent, depth: depth + 1) },
                indent, depth)
        }
    }

    private static func enclose(_ open: String, _ close: String, _ parts: [String], _ indent: String?, _ depth: Int) -> String {
        guard let indent, !parts.isEmpty else { return open + parts.joined(separator: ",") + close }
        let inner = "\n" + String(repeating: indent, count: depth + 1)
        return open + inner + parts.joined(separator: "," + inner) + "\n" + String(repeating: indent, count: depth) + close
    }

    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default:
                // JSON asks for the first of these only, a terminal obeys more.
                if !PrintableText.isPrintable(scalar) {
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}

extension JSONValue {
    /// An object with these members in this order.
    static func members(_ members: (String, JSONValue)...) -> JSONValue {
        members.reduce(into: JSONObject()) { object, member in _ = object.append(member.0, member.1) }.value
    }

    static func text(_ text: String) -> JSONValue { .string(text) }
}

extension JSONObject {
    var value: JSONValue { .object(self) }
}
