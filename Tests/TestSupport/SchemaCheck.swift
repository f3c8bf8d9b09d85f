import FoundationEssentials

/// Holds JSON against schemas: types, enumerations, bounds, patterns, required fields, and no field that is not documented.
struct SchemaCheck {
    let document: OpenAPIDocument

    func faults(_ value: JSONTree, _ given: JSONTree, at place: String) -> [String] {
        let schema = document.resolved(given)
        let types = schema["type"].string.map { [$0] } ?? schema["type"].elements.compactMap(\.string)
        guard types.isEmpty || types.contains(where: { Self.isOf($0, value) }) else { return ["\(place): is not \(types.joined(separator: " or "))"] }
        if case .array(let options) = schema["enum"], !options.contains(value) { return ["\(place): is none of the documented values"] }
        switch value {
        case .string(let text): return textFaults(text, schema, place)
        case .number(let number): return numberFaults(number, schema, place)
        case .array(let elements):
            return elements.enumerated().flatMap { faults($1, schema["items"], at: "\(place)[\($0)]") }
        case .object: return memberFaults(value, schema, place)
        case .null, .bool: return []
        }
    }

    private static func isOf(_ type: String, _ value: JSONTree) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string), ("array", .array), ("object", .object): true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }

    private func textFaults(_ text: String, _ schema: JSONTree, _ place: String) -> [String] {
        var faults: [String] = []
        let length = Double(text.unicodeScalars.count)
        if length < schema["minLength"].number ?? 0 || length > schema["maxLength"].number ?? .infinity {
            faults.append("\(place): has a wrong length")
        }
        if let pattern = schema["pattern"].string, (try? Regex(pattern).firstMatch(in: text)) == nil { faults.append("\(place): does not match") }
        switch schema["format"].string {
        case "uuid" where UUID(uuidString: text) == nil: faults.append("\(place): is no UUID")
        case "date-time" where (try? Date(text, strategy: .iso8601)) == nil: faults.append("\(place): is no instant")
        default: break
        }
        return faults
    }

    private func numberFaults(_ number: Double, _ schema: JSONTree, _ place: String) -> [String] {
        let isIn = number >= schema["minimum"].number ?? -.infinity && number <= schema["maximum"].number ?? .infinity
        return isIn ? [] : ["\(place): is out of the documented range"]
    }

    private func memberFaults(_ value: JSONTree, _ schema: JSONTree, _ place: String) -> [String] {
        let parts = [schema] + schema["allOf"].elements.map(document.resolved)
        let properties = parts.reduce(into: [String: JSONTree]()) { all, part in
            for name in part["properties"].names { all[name] = part["properties"][name] }
        }
        let required = parts.flatMap { $0["required"].elements.compactMap(\.string) }
        let missing = required.filter { !value.names.contains($0) }.map { "\(place).\($0): is missing" }
        // Without documented fields an object is free.
        guard !properties.isEmpty else { return missing }
        return missing
            + value.names.sorted().flatMap { name in
                properties[name].map { faults(value[name], $0, at: "\(place).\(name)") } ?? ["\(place).\(name): is not documented"]
            }
    }
}
