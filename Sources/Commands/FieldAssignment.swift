import ArgumentParser
import HTTPWire

/// `name=value` of a command line.
struct FieldAssignment {
    let name: String
    let text: String

    static func parse(_ texts: [String]) throws -> [FieldAssignment] {
        var seen: Set<String> = []
        return try texts.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("'\(text)' is not of the form name=value") }
            guard seen.insert(parts[0]).inserted else { throw ValidationError("'\(parts[0])' is given twice") }
            return FieldAssignment(name: parts[0], text: parts[1])
        }
    }

    static func document(_ assignments: [FieldAssignment]) -> JSONValue {
        assignments.reduce(into: JSONObject()) { object, assignment in _ = object.append(assignment.name, assignment.value) }.value
    }

    /// JSON where it is JSON, else text.
    var value: JSONValue {
        do {
            return try JSONValue.parse(text)
        } catch {
            return .string(text)
        }
    }
}
