import HTTPWire

/// Reads `system` and `messages`.
enum MessagesInput {
    static func read(_ reader: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        if let system = reader["system"] {
            guard system.string != nil || system.array != nil else { throw APIError.wrongType("system", "a string or an array") }
            conversation.system(try texts(reader, "system"))
        }
        guard let messages = try reader.objects("messages") else { throw reader.missing("messages") }
        guard !messages.isEmpty else { throw APIError(.invalidValue, message: "'messages' must not be empty.", param: "messages") }
        for message in messages {
            switch try message.requiredString("role") {
            case "user": try user(message, into: &conversation)
            case "assistant": try assistant(message, into: &conversation)
            case "system": conversation.system(try texts(message, "content"))
            default: throw APIError(.invalidValue, message: "'role' must be 'user' or 'assistant'.", param: message.name("role"))
            }
        }
    }

    /// Blocks of a message; a string is one block of text.
    private static func blocks(_ message: MemberReader, _ member: String) throws(APIError) -> [MemberReader] {
        guard let value = message[member] else { throw message.missing(member) }
        if value.string != nil { return [try MemberReader(["type": "text", "text": value], at: message.name(member))] }
        guard value.array != nil, let blocks = try message.objects(member) else {
            throw APIError.wrongType(message.name(member), "a string or an array")
        }
        return blocks
    }

    private static func texts(_ reader: MemberReader, _ member: String) throws(APIError) -> String {
        var texts: [String] = []
        for block in try blocks(reader, member) {
            guard try block.requiredString("type") == "text" else { throw block.unsupported("type", "must be 'text'.") }
            texts.append(try block.requiredString("text"))
        }
        return texts.joined(separator: "\n")
    }

    /// Results of tools come before the words of the user, whatever their order was.
    private static func user(_ message: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        var parts: [JSONValue] = []
        for block in try blocks(message, "content") {
            if try block.requiredString("type") == "tool_result" {
                parts += try toolResult(block, into: &conversation)
            } else {
                parts.append(try part(block))
            }
        }
        if !parts.isEmpty { conversation.user(parts) }
    }

    /// Returns the pictures of the result: a message of a tool holds text only, so they go into the user's.
    private static func toolResult(_ block: MemberReader, into conversation: inout ChatConversation) throws(APIError) -> [JSONValue] {
        var texts: [String] = []
        var pictures: [JSONValue] = []
        for inner in block["content"] == nil ? [] : try blocks(block, "content") {
            let part = try part(inner)
            if let text = part["text"]?.string { texts.append(text) } else { pictures.append(part) }
        }
        let text = texts.joined(separator: "\n")
        let failed = try block.bool("is_error") ?? false
        conversation.toolResult(try block.requiredString("tool_use_id"), failed ? "Error: " + text : text)
        return pictures
    }

    private static func part(_ block: MemberReader) throws(APIError) -> JSONValue {
        switch try block.requiredString("type") {
        case "text": return .textPart(try block.requiredString("text"))
        case "image": return .imagePart(try url(block))
        case "document":
            guard let source = try block.object("source") else { throw block.missing("source") }
            guard try source.requiredString("type") == "text" else { throw source.unsupported("type", "must be 'text' in a document.") }
            return .textPart(try source.requiredString("data"))
        default: throw block.unsupported("type", "must be 'text', 'image', 'document' or 'tool_result'.")
        }
    }

    private static func url(_ block: MemberReader) throws(APIError) -> String {
        guard let source = try block.object("source") else { throw block.missing("source") }
        switch try source.requiredString("type") {
        case "url": return try source.requiredString("url")
        case "base64": return "data:\(try source.requiredString("media_type"));base64,\(try source.requiredString("data"))"
        default: throw source.unsupported("type", "must be 'base64' or 'url': this service stores no files.")
        }
    }

    private static func assistant(_ message: MemberReader, into conversation: inout ChatConversation) throws(APIError) {
        for block in try blocks(message, "content") {
            switch try block.requiredString("type") {
            case "text": conversation.assistant(text: try block.requiredString("text"))
            case "thinking": conversation.assistant(reasoning: try block.requiredString("thinking"))
            // Another service's secret: nobody here can read it.
            case "redacted_thinking": continue
            case "tool_use":
                guard let input = try block.object("input") else { throw block.missing("input") }
                conversation.assistant(
                    calls: try block.requiredString("name"), id: try block.requiredString("id"),
                    arguments: String(decoding: JSONValue.object(input.object).text, as: UTF8.self))
            default: throw block.unsupported("type", "must be 'text', 'thinking' or 'tool_use'.")
            }
        }
    }
}
