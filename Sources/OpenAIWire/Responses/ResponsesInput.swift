import HTTPWire

/// Reads `input`: a text, or items of a conversation.
enum ResponsesInput {
    static func read(_ reader: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        if let text = reader["input"]?.string { return conversation.user([.textPart(text)]) }
        guard reader["input"] != nil else { throw reader.missing("input") }
        guard reader["input"]?.array != nil, let items = try reader.objects("input") else {
            throw APIError.wrongType("input", "a string or an array")
        }
        guard !items.isEmpty else { throw APIError(.invalidValue, message: "'input' must not be empty.", param: "input") }
        for item in items { try read(item: item, into: &conversation) }
    }

    private static func read(item: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        switch try item.string("type") ?? "message" {
        case "message": try message(item, into: &conversation)
        case "function_call":
            conversation.assistant(
                calls: try item.requiredString("name"), id: try item.requiredString("call_id"), arguments: try item.requiredString("arguments"))
        case "function_call_output": conversation.toolResult(try item.requiredString("call_id"), try output(item))
        case "reasoning": try reasoning(item, into: &conversation)
        case "item_reference": throw item.unsupported("type", "refers to a stored item: this service stores nothing; send the item itself.")
        default: throw item.unsupported("type", "must be 'message', 'function_call', 'function_call_output' or 'reasoning'.")
        }
    }

    private static func message(_ item: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        let parts = try content(item, "content")
        switch try item.requiredString("role") {
        case "user": conversation.user(parts)
        case "assistant": conversation.assistant(text: try text(parts, item, "content"))
        case "system", "developer": conversation.system(try text(parts, item, "content"))
        default:
            throw APIError(.invalidValue, message: "'role' must be 'user', 'assistant', 'system' or 'developer'.", param: item.name("role"))
        }
    }

    private static func reasoning(_ item: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        // A summary is what is left where a model's own words are hidden.
        var texts = try texts(item, "content")
        if texts.isEmpty { texts = try self.texts(item, "summary") }
        if !texts.isEmpty { conversation.assistant(reasoning: texts.joined(separator: "\n")) }
    }

    private static func texts(_ item: MemberReader, _ member: String) throws(APIError) -> [String] {
        var texts: [String] = []
        for part in try item.objects(member) ?? [] { texts.append(try part.requiredString("text")) }
        return texts
    }

    private static func output(_ item: MemberReader) throws(APIError) -> String {
        try text(try content(item, "output"), item, "output")
    }

    /// Parts in the shape of chat completions.
    private static func content(_ item: MemberReader, _ member: String) throws(APIError) -> [JSONValue] {
        guard let value = item[member] else { throw item.missing(member) }
        if let text = value.string { return [.textPart(text)] }
        guard value.array != nil, let parts = try item.objects(member) else { throw APIError.wrongType(item.name(member), "a string or an array") }
        var content: [JSONValue] = []
        for part in parts { content.append(try self.part(part)) }
        return content
    }

    private static func part(_ part: MemberReader) throws(APIError) -> JSONValue {
        switch try part.requiredString("type") {
        case "input_text", "output_text", "text", "summary_text", "reasoning_text": return .textPart(try part.requiredString("text"))
        case "refusal": return .textPart(try part.requiredString("refusal"))
        case "input_image":
            guard let url = try part.string("image_url") else {
                throw part.unsupported("file_id", "is not supported: this service stores no files; send 'image_url'.")
            }
            return .imagePart(url, detail: try part.string("detail"))
        default: throw part.unsupported("type", "must be 'input_text', 'output_text', 'refusal' or 'input_image'.")
        }
    }

    private static func text(_ parts: [JSONValue], _ item: MemberReader, _ member: String) throws(APIError) -> String {
        var texts: [String] = []
        for part in parts {
            guard let text = part["text"]?.string else { throw item.unsupported(member, "may hold text only.") }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }
}
