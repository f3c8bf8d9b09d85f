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

    /// - Parameter fields: tell how each value is meant.
    static func document(_ assignments: [FieldAssignment], _ fields: [KindField]) -> JSONValue {
        assignments.reduce(into: JSONObject()) { object, assignment in
            let form = fields.first { $0.name == assignment.name }?.form ?? .json
            _ = object.append(assignment.name, assignment.value(form))
        }.value
    }

    /// What is no JSON although it should be is sent as text, so that the server says what is wrong with it.
    private func value(_ form: KindField.Form) -> JSONValue {
        if form == .text { return text == "null" ? .null : .string(text) }
        do {
            return try JSONValue.parse(text)
        } catch {
            return .string(text)
        }
    }
}

extension [FieldAssignment] {
    /// - Parameter role: What the names are, such as `filter of tenants`.
    func check(_ known: [String], _ role: String) throws {
        for assignment in self where !known.contains(assignment.name) {
            let names = known.isEmpty ? "there are none" : known.joined(separator: ", ")
            throw ValidationError("'\(assignment.name)' is no \(role): \(names)")
        }
    }
}
