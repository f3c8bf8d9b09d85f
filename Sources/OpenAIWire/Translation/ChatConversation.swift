import HTTPWire

/// Messages of a chat request, put together from the items of another API. What one assistant said in several items becomes one message.
struct ChatConversation {
    private struct Turn {
        var text: String?
        var reasoning: String?
        var calls: [JSONValue] = []
    }

    private var messages: [JSONValue] = []
    private var turn: Turn?
    /// Texts of the system messages that come first: templates take one.
    private var opening: [String] = []

    mutating func system(_ text: String) {
        if messages.isEmpty, turn == nil { return opening.append(text) }
        close()
        messages.append(["role": "system", "content": .string(text)])
    }

    /// - Parameter parts: Parts in the shape of chat completions.
    mutating func user(_ parts: [JSONValue]) {
        close()
        messages.append(["role": "user", "content": Self.content(parts)])
    }

    mutating func toolResult(_ callId: String, _ text: String) {
        close()
        messages.append(["role": "tool", "tool_call_id": .string(callId), "content": .string(text)])
    }

    mutating func assistant(text: String) {
        if turn?.calls.isEmpty == false { close() }
        var turn = turn ?? Turn()
        turn.text = turn.text.map { $0 + "\n" + text } ?? text
        self.turn = turn
    }

    mutating func assistant(reasoning: String) {
        if let turn, turn.text != nil || !turn.calls.isEmpty { close() }
        var turn = turn ?? Turn()
        turn.reasoning = (turn.reasoning ?? "") + reasoning
        self.turn = turn
    }

    mutating func assistant(calls name: String, id: String, arguments: String) {
        var turn = turn ?? Turn()
        turn.calls.append([
            "id": .string(id), "type": "function", "function": ["name": .string(name), "arguments": .string(arguments)],
        ])
        self.turn = turn
    }

    /// The beginning of the answer, where the last message is one.
    var beginning: String? { turn.flatMap { $0.calls.isEmpty ? $0.text : nil } }

    mutating func finish() -> [JSONValue] {
        close()
        guard !opening.isEmpty else { return messages }
        return [["role": "system", "content": .string(opening.joined(separator: "\n\n"))]] + messages
    }

    private mutating func close() {
        guard let turn else { return }
        self.turn = nil
        var message: JSONObject = ["role": "assistant", "content": turn.text.map { .string($0) } ?? .null]
        // One runtime reads the one name, another the other.
        message.set("reasoning", turn.reasoning.map { .string($0) })
        message.set("reasoning_content", turn.reasoning.map { .string($0) })
        if !turn.calls.isEmpty { message.set("tool_calls", .array(turn.calls)) }
        messages.append(.object(message))
    }

    /// Text alone is sent as one string: not every template takes parts.
    private static func content(_ parts: [JSONValue]) -> JSONValue {
        let texts = parts.compactMap { $0["text"]?.string }
        return texts.count == parts.count ? .string(texts.joined(separator: "\n")) : .array(parts)
    }
}

extension JSONValue {
    static func textPart(_ text: String) -> JSONValue { ["type": "text", "text": .string(text)] }

    static func imagePart(_ url: String, detail: String? = nil) -> JSONValue {
        var image: JSONObject = ["url": .string(url)]
        image.set("detail", detail.map { .string($0) })
        return ["type": "image_url", "image_url": .object(image)]
    }
}
