import HTTPWire

/// The words of a stream, put together: a secret that comes in pieces can only be found in the whole.
struct AnswerText {
    private var texts: [Int64: String] = [:]

    /// What all answers of the stream say, in order of their places.
    var text: String { texts.sorted { $0.key < $1.key }.map(\.value).joined(separator: "\n") }

    /// - Parameter events: Server-sent events of any of the customer's endpoints.
    init(_ events: [UInt8]) {
        for line in events.split(separator: 0x0A) where line.starts(with: "data:".utf8) {
            guard let event = try? JSONValue.parse(Array(line.dropFirst(5))) else { continue }
            take(event)
        }
    }

    private mutating func take(_ event: JSONValue) {
        if let choices = event["choices"]?.array {
            for choice in choices { add(choice["index"]?.integer ?? 0, choice["delta"] ?? choice) }
        } else if event["type"]?.string?.hasSuffix("delta") == true, let delta = event["delta"] {
            let place = event["output_index"]?.integer ?? event["index"]?.integer ?? 0
            if let text = delta.string { texts[place, default: ""] += text } else { add(place, delta) }
        } else if let error = event["error"] {
            add(.max, error)
        }
    }

    /// Every string within, but names of things.
    private mutating func add(_ place: Int64, _ value: JSONValue) {
        switch value {
        case .string(let text): texts[place, default: ""] += text
        case .array(let elements):
            for element in elements { add(place, element) }
        case .object(let object):
            for member in object.members where !["role", "type", "id", "finish_reason", "code"].contains(member.name) { add(place, member.value) }
        default: break
        }
    }
}
