package import HTTPWire

/// A request to `/v1/responses`, checked and put into the words of chat completions, which every runtime speaks.
///
/// Nothing is stored here, so whatever refers to something stored is refused by name. Members that are nobody's pass through, as they do in chat
/// completions.
package struct ResponsesRequest: Sendable {
    /// The body of a request to `/v1/chat/completions`.
    package let chat: [UInt8]
    /// What the answer repeats of the request.
    package let echo: ResponsesEcho

    package init(_ body: [UInt8], limits: JSONLimits = JSONLimits()) throws(APIError) {
        let value: JSONValue
        do throws(JSONFault) { value = try JSONValue.parse(body, limits: limits) } catch { throw APIError(error) }
        guard value.object != nil else { throw APIError(.invalidJSON, message: "A JSON object is expected.") }
        let reader = try MemberReader(value, at: "")
        try Self.refuseState(reader)
        var conversation = ChatConversation()
        if let instructions = try reader.string("instructions") { conversation.system(instructions) }
        try ResponsesInput.read(reader, into: &conversation)
        var chat: JSONObject = [:]
        chat.set("model", reader["model"])
        chat.set("messages", .array(conversation.finish()))
        chat.set("stream", reader["stream"])
        chat.set("max_completion_tokens", reader["max_output_tokens"])
        try Self.sampling(reader, &chat)
        let tools = try ResponsesTools(reader)
        tools.write(to: &chat)
        try Self.text(reader, &chat)
        Self.passThrough(reader.object, &chat)
        self.chat = JSONValue.object(chat).text
        echo = ResponsesEcho(reader, tools: tools)
    }

    private static func refuseState(_ reader: MemberReader) throws(APIError) {
        if try reader.bool("store") == true {
            throw reader.unsupported("store", "must be false: this service stores no answers.")
        }
        if try reader.bool("background") == true {
            throw reader.unsupported("background", "must be false: this service stores no answers.")
        }
        for member in ["previous_response_id", "conversation", "prompt"] where reader[member] != nil {
            throw reader.unsupported(member, "is not supported: this service stores nothing; send the whole input.")
        }
        if let truncation = try reader.string("truncation"), truncation != "disabled" {
            throw reader.unsupported("truncation", "must be 'disabled': input is never shortened.")
        }
        for member in foreign where reader[member] != nil { throw reader.unsupported(member, "is no parameter of this endpoint.") }
    }

    private static func sampling(_ reader: MemberReader, _ chat: inout JSONObject) throws(APIError) {
        for name in ["temperature", "top_p", "parallel_tool_calls"] { chat.set(name, reader[name]) }
        if let reasoning = try reader.object("reasoning") { chat.set("reasoning_effort", reasoning["effort"]) }
        guard try reader.array("include")?.contains("message.output_text.logprobs") == true || reader["top_logprobs"] != nil else { return }
        chat.set("logprobs", true)
        chat.set("top_logprobs", reader["top_logprobs"])
    }

    private static func text(_ reader: MemberReader, _ chat: inout JSONObject) throws(APIError) {
        guard let text = try reader.object("text") else { return }
        chat.set("verbosity", text["verbosity"])
        guard let format = try text.object("format") else { return }
        switch try format.requiredString("type") {
        case "text": return
        case "json_object": chat.set("response_format", ["type": "json_object"])
        case "json_schema":
            guard let schema = try format.object("schema") else { throw format.missing("schema") }
            var inner: JSONObject = ["name": .string(try format.requiredString("name")), "schema": .object(schema.object)]
            inner.set("description", format["description"])
            inner.set("strict", format["strict"])
            chat.set("response_format", ["type": "json_schema", "json_schema": .object(inner)])
        default: throw format.unsupported("type", "must be 'text', 'json_object' or 'json_schema'.")
        }
    }

    /// Words of chat completions for what has another name here.
    private static let foreign = ["messages", "n", "max_tokens", "max_completion_tokens", "response_format"]

    /// Members of this API: they have been read, or mean nothing without a store or a tool of the service's own.
    private static let own: Set<String> = [
        "background", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "model", "parallel_tool_calls",
        "previous_response_id", "prompt", "reasoning", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools",
        "top_logprobs", "top_p", "truncation", "context_management",
    ]

    private static func passThrough(_ object: JSONObject, _ chat: inout JSONObject) {
        for member in object.members where !own.contains(member.name) && member.value != .null { chat.set(member.name, member.value) }
    }
}
