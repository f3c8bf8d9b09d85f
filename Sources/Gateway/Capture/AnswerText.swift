import HTTPWire

/// The words of a stream, put together: a secret that comes in pieces can only be found in the whole.
struct AnswerText {
    private struct Place: Hashable, Comparable {
        /// Of the answer, and of a call within it.
        var answer: Int64
        var call: Int64 = -1
        /// Arguments, which are JSON, and not the name of what is called.
        var isArguments = false

        static func < (one: Place, other: Place) -> Bool {
            (one.answer, one.call, one.isArguments ? 1 : 0) < (other.answer, other.call, other.isArguments ? 1 : 0)
        }
    }

    private var parts: [Place: String] = [:]

    /// What all answers of the stream say, in order of their places; arguments of each call by themselves.
    var texts: [String] { parts.sorted { $0.key < $1.key }.map(\.value) }
    var text: String { texts.joined(separator: "\n") }

    /// - Parameter events: Server-sent events of any of the customer's endpoints.
    init(_ events: [UInt8]) {
        for line in events.split(separator: 0x0A) where line.starts(with: "data:".utf8) {
            guard let event = try? JSONValue.parse(Array(line.dropFirst(5))) else { continue }
            take(event)
        }
    }

    private mutating func take(_ event: JSONValue) {
        if let choices = event["choices"]?.array {
            for choice in choices { add(Place(answer: choice["index"]?.integer ?? 0), choice["delta"] ?? choice) }
        } else if let type = event["type"]?.string, type.hasSuffix("delta"), let delta = event["delta"] {
            var place = Place(answer: event["output_index"]?.integer ?? event["index"]?.integer ?? 0)
            place.isArguments = type.contains("arguments")
            add(place, delta)
        } else if let error = event["error"] {
            add(Place(answer: .max), error)
        }
    }

    /// Every string within, but names of things.
    private mutating func add(_ place: Place, _ value: JSONValue) {
        switch value {
        case .string(let text): parts[place, default: ""] += text
        case .array(let elements):
            for (order, element) in elements.enumerated() {
                var place = place
                if element["function"] != nil { place.call = element["index"]?.integer ?? Int64(order) }
                add(place, element)
            }
        case .object(let object):
            for member in object.members where !["role", "type", "id", "finish_reason", "stop_reason", "code"].contains(member.name) {
                var place = place
                if ["arguments", "partial_json"].contains(member.name) { place.isArguments = true }
                add(place, member.value)
            }
        default: break
        }
    }
}
