import HTTPWire

/// The strings of one event of a stream, in their order: which of them are pieces of longer texts, and of which. Choices, calls and parts come in turns.
struct AnswerStrings {
    /// A piece of the text at `place`.
    struct Piece {
        var place: String
        /// Nothing follows it.
        var isLast: Bool
    }

    /// Nil: a string by itself.
    private(set) var pieces: [Piece?] = []
    /// Beginnings of the places whose texts end with this event.
    private(set) var ended: [String] = []

    /// - Parameter data: JSON of an event of any of the customer's endpoints; of other bytes nothing is known.
    init(_ data: [UInt8]) {
        guard let event = (try? JSONValue.parse(data))?.object else { return }
        let type = event["type"]?.string
        if let type, Self.isEnd(type) { ended = [""] }
        // Of the item and the part of it, or of the block.
        let place = ["output_index", "content_index", "summary_index", "index"].map { event[$0]?.integer.map { "\($0)" } ?? "" }.joined(
            separator: ":")
        for member in event.members {
            if member.name == "choices", let choices = member.value.array {
                for choice in choices { take(choice: choice) }
            } else if member.name == "delta", type?.hasSuffix("delta") == true, type != "message_delta" {
                take(member.value, Piece(place: place + "/delta", isLast: false))
            } else {
                take(member.value, nil)
            }
        }
    }

    private static func isEnd(_ type: String) -> Bool {
        type == "message_delta" || ["done", "stop", "completed", "incomplete", "failed", "error"].contains { type.hasSuffix($0) }
    }

    private mutating func take(choice: JSONValue) {
        let place = "choice:\(choice["index"]?.integer ?? 0)"
        let isLast = choice["finish_reason"]?.string != nil
        if isLast { ended.append(place + "/") }
        take(choice, Piece(place: place, isLast: isLast))
    }

    private mutating func take(_ value: JSONValue, _ piece: Piece?) {
        switch value {
        case .string: pieces.append(piece)
        case .array(let elements):
            for (order, element) in elements.enumerated() {
                take(element, piece.map { Piece(place: "\($0.place):\(element["index"]?.integer ?? Int64(order))", isLast: $0.isLast) })
            }
        case .object(let object):
            for member in object.members {
                let isByItself = ["role", "type", "finish_reason", "logprobs"].contains(member.name)
                take(member.value, isByItself ? nil : piece.map { Piece(place: "\($0.place)/\(member.name)", isLast: $0.isLast) })
            }
        default: break
        }
    }
}
