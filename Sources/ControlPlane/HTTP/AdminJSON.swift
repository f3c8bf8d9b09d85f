import HTTPWire

/// JSON text of small answers and of audited changes.
enum AdminJSON {
    static func string(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .string(let text): string(text)
        case .array(let elements): "[" + elements.map(text).joined(separator: ",") + "]"
        case .object(let object): "{" + object.members.map { "\(string($0.name)):\(text($0.value))" }.joined(separator: ",") + "}"
        }
    }

    /// Adds a text member to the end of an object that has members.
    static func adding(_ name: String, _ value: String, to object: String) -> String {
        guard let end = object.lastIndex(of: "}") else { return object }
        return object[..<end] + ",\(string(name)):\(string(value))}"
    }
}
