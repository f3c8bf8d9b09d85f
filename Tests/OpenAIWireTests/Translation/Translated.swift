import HTTPWire
import OpenAIWire

/// Chat events in, events of another API out.
enum Translated {
    struct Event {
        let name: String
        let value: JSONValue

        subscript(key: String) -> JSONValue? { value[key] }
    }

    static let identity = AnswerIdentity(requestId: "0199-ab", model: "m", createdSeconds: 7)
    static let usage = TokenCounts(prompt: 10, completion: 5, cached: 4, reasoning: 2)

    static func responses(_ request: String = #"{"model":"m","input":"hi"}"#) throws -> AnswerTranslation {
        .responses(ResponsesStream(identity, echo: try ResponsesRequest(Array(request.utf8)).echo))
    }

    static var messages: AnswerTranslation { .messages(MessagesStream(identity, estimatedPrompt: 9)) }

    /// A whole answer made of these deltas, each the text of a `delta` object, and the reason for its end.
    static func run(_ translation: AnswerTranslation, _ deltas: [String], finish: String = "stop", choice: String = "") throws -> [Event] {
        var translation = translation
        let chunks = deltas.map { chunk($0) } + [#"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(finish)"\#(choice)}]}"#]
        var out: [UInt8] = []
        for text in chunks { out += try take(text, &translation) }
        return try events(out + translation.finish(usage, atSeconds: 12))
    }

    static func chunk(_ delta: String) -> String { #"{"choices":[{"index":0,"delta":\#(delta),"finish_reason":null}]}"# }

    struct Refused: Error {}

    static func take(_ payload: String, _ translation: inout AnswerTranslation) throws -> [UInt8] {
        guard let out = Array("data: \(payload)\n\n".utf8).withUnsafeBytes({ translation.take($0) }) else { throw Refused() }
        return out
    }

    static func events(_ bytes: [UInt8]) throws -> [Event] {
        try String(decoding: bytes, as: UTF8.self).split(separator: "\n\n").map { text in
            let lines = text.split(separator: "\n")
            return Event(
                name: String(lines[0].dropFirst("event: ".count)), value: try JSONValue.parse(String(lines[1].dropFirst("data: ".count))))
        }
    }

    static func call(_ index: Int, id: String? = nil, name: String? = nil, _ arguments: String) -> String {
        let id = id.map { #""id":"\#($0)","type":"function","# } ?? ""
        let name = name.map { #""name":"\#($0)","# } ?? ""
        let arguments = String(decoding: BodyEdit.quoted(arguments), as: UTF8.self)
        return #"{"tool_calls":[{"index":\#(index),\#(id)"function":{\#(name)"arguments":\#(arguments)}}]}"#
    }
}

extension [Translated.Event] {
    var names: [String] { map(\.name) }

    func values(_ name: String, _ key: String) -> [JSONValue] { filter { $0.name == name }.compactMap { $0[key] } }
}

extension JSONValue {
    /// Goes down through members and, by numbers, elements.
    func at(_ path: String) -> JSONValue? {
        path.split(separator: ".").reduce(Optional(self)) { value, step in
            guard let place = Int(step) else { return value?[key: String(step)] }
            return value?.array.flatMap { $0.indices.contains(place) ? $0[place] : nil }
        }
    }

    subscript(key key: String) -> JSONValue? { self[key] }
}
