import HTTPWire

/// One item of a response's output.
struct ResponsesItem: Sendable {
    enum Kind: Sendable {
        case reasoning
        case text
        case refusal
        case call

        var idPrefix: String {
            switch self {
            case .reasoning: "rs"
            case .text, .refusal: "msg"
            case .call: "fc"
            }
        }

        /// Middle of the names of its events.
        var eventName: String {
            switch self {
            case .reasoning: "reasoning_text"
            case .text: "output_text"
            case .refusal: "refusal"
            case .call: "function_call_arguments"
            }
        }
    }

    let kind: Kind
    let id: String
    var text = ""
    var logprobs: [JSONValue] = []
    var call: ToolCallPieces.Call?
    var status = "in_progress"

    init(kind: Kind, id: String, call: ToolCallPieces.Call? = nil) {
        self.kind = kind
        self.id = id
        self.call = call
    }

    /// The members that say which item an event is about.
    func place(_ position: Int) -> JSONObject {
        var members: JSONObject = ["item_id": .string(id), "output_index": .count(position)]
        if kind != .call { members.set("content_index", 0) }
        return members
    }

    var part: JSONValue { part(text, logprobs) }
    var emptyPart: JSONValue { part("", []) }

    private func part(_ text: String, _ logprobs: [JSONValue]) -> JSONValue {
        switch kind {
        case .reasoning: ["type": "reasoning_text", "text": .string(text)]
        case .refusal: ["type": "refusal", "refusal": .string(text)]
        case .text, .call: ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": .array(logprobs)]
        }
    }

    /// - Parameter isEmpty: As it is announced, before any of its content.
    func json(status: String? = nil, isEmpty: Bool = false) -> JSONValue {
        let status = JSONValue.string(status ?? self.status)
        switch kind {
        case .reasoning:
            return [
                "id": .string(id), "type": "reasoning", "status": status, "summary": [], "content": isEmpty ? [] : [part],
                "encrypted_content": .null,
            ]
        case .text, .refusal:
            return ["id": .string(id), "type": "message", "status": status, "role": "assistant", "content": isEmpty ? [] : [part]]
        case .call:
            return [
                "id": .string(id), "type": "function_call", "status": status, "call_id": .string(call?.id ?? ""),
                "name": .string(call?.name ?? ""), "arguments": .string(isEmpty ? "" : call?.arguments ?? ""),
            ]
        }
    }
}
