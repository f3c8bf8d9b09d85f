import HTTPWire

/// A document as a person reads it: a line for each field, what belongs together under a heading of its own.
enum ReadableText {
    private static let step = "  "

    /// - Parameter depth: Of the first line, in steps of two spaces.
    static func lines(_ document: JSONValue, depth: Int = 0) -> [String] {
        let members = (document.object?.members ?? []).map { (label($0.name), $0.value) }
        let width = members.filter { isShort($0.1) }.map(\.0.count).max() ?? 0
        let margin = String(repeating: step, count: depth)
        return members.flatMap { name, value -> [String] in
            guard !isShort(value) else {
                return ["\(margin)\(name)\(String(repeating: " ", count: width - name.count))  \(AdminColumn.text(value))"]
            }
            return ["\(margin)\(name):"] + section(value, depth + 1)
        }
    }

    private static func section(_ value: JSONValue, _ depth: Int) -> [String] {
        guard let elements = value.array else { return lines(value, depth: depth) }
        return elements.enumerated().flatMap { number, element in
            let margin = String(repeating: step, count: depth)
            guard element.object != nil else { return ["\(margin)\(AdminColumn.text(element))"] }
            return (number == 0 ? [] : [""]) + lines(element, depth: depth)
        }
    }

    /// Fits behind its name: a value, or a list of some.
    private static func isShort(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): object.members.isEmpty
        case .array(let elements): elements.allSatisfy { $0.object == nil && $0.array == nil }
        default: true
        }
    }

    private static func label(_ name: String) -> String {
        PrintableText.clean(String(name.map { $0 == "_" ? " " : $0 }))
    }
}
