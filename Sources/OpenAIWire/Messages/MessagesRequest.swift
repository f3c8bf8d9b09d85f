package import HTTPWire

/// A request to `/v1/messages` (Anthropic's API), checked and put into the words of chat completions, which every runtime speaks.
///
/// What needs a store or tools of the service's own is refused by name. Marks for caching have no effect: prefixes are cached anyway. Members that
/// are nobody's pass through, as they do in chat completions.
package struct MessagesRequest: Sendable {
    /// The body of a request to `/v1/chat/completions`.
    package let chat: [UInt8]
    /// The beginning of the answer, where the last message is one. Some runtimes repeat it in an answer that is not streamed.
    package let beginning: String?

    package init(_ body: [UInt8], limits: JSONLimits = JSONLimits()) throws(APIError) {
        let reader = try Self.reader(body, limits)
        guard reader["max_tokens"] != nil else { throw reader.missing("max_tokens") }
        var (chat, beginning) = try Self.conversation(reader)
        self.beginning = beginning
        for name in ["max_tokens", "stream", "temperature", "top_p", "top_k"] { chat.set(name, reader[name]) }
        chat.set("stop", try Self.stops(reader))
        try Self.format(reader, &chat)
        try Self.serviceTier(reader, &chat)
        for member in reader.object.members where !Self.own.contains(member.name) && member.value != .null { chat.set(member.name, member.value) }
        try Self.thinking(reader, &chat)
        if beginning != nil {
            chat.set("continue_final_message", true)
            chat.set("add_generation_prompt", false)
        }
        self.chat = JSONValue.object(chat).text
    }

    /// The body of a request to a runtime's own `/v1/messages/count_tokens`: what decides the count, and nothing else, behind a check of all of it.
    ///
    package static func counting(_ body: [UInt8], limits: JSONLimits = JSONLimits()) throws(APIError) -> [UInt8] {
        let reader = try reader(body, limits)
        _ = try conversation(reader)
        var counted: JSONObject = [:]
        for name in ["model", "system", "messages", "tools", "tool_choice", "thinking"] { counted.set(name, reader[name]) }
        return JSONValue.object(counted).text
    }

    private static func reader(_ body: [UInt8], _ limits: JSONLimits) throws(APIError) -> MemberReader {
        let value: JSONValue
        do throws(JSONFault) { value = try JSONValue.parse(body, limits: limits) } catch { throw APIError(error) }
        guard value.object != nil else { throw APIError(.invalidJSON, message: "A JSON object is expected.") }
        let reader = try MemberReader(value, at: "")
        for member in ["container", "mcp_servers"] where reader[member] != nil && reader[member] != [] {
            throw reader.unsupported(member, "is not supported: this service runs no tools of its own.")
        }
        for member in foreign where reader[member] != nil { throw reader.unsupported(member, "is no parameter of this endpoint.") }
        return reader
    }

    /// Model, messages and tools, and the beginning of the answer.
    private static func conversation(_ reader: MemberReader) throws(APIError) -> (JSONObject, beginning: String?) {
        var conversation = ChatConversation()
        try MessagesInput.read(reader, into: &conversation)
        let beginning = conversation.beginning
        var chat: JSONObject = [:]
        chat.set("model", reader["model"])
        chat.set("messages", .array(conversation.finish()))
        try MessagesTools.write(reader, to: &chat)
        return (chat, beginning)
    }

    /// Checked here, under the name that the customer gave it.
    private static func stops(_ reader: MemberReader) throws(APIError) -> JSONValue? {
        guard let stops = try reader.array("stop_sequences") else { return nil }
        guard stops.allSatisfy({ $0.string != nil }) else { throw APIError.wrongType("stop_sequences", "an array of strings") }
        guard stops.count <= ParameterCheck.mostTexts else {
            let message = "'stop_sequences' must hold at most \(ParameterCheck.mostTexts) strings."
            throw APIError(.invalidValue, message: message, param: "stop_sequences")
        }
        return .array(stops)
    }

    private static func format(_ reader: MemberReader, _ chat: inout JSONObject) throws(APIError) {
        let output = try reader.object("output_config")
        if let effort = try output?.string("effort") { chat.set("reasoning_effort", .string(effort == "max" || effort == "xhigh" ? "high" : effort)) }
        let older = try reader.object("output_format")
        guard let format = try output?.object("format") ?? older else { return }
        guard try format.requiredString("type") == "json_schema" else { throw format.unsupported("type", "must be 'json_schema'.") }
        guard let schema = try format.object("schema") else { throw format.missing("schema") }
        chat.set(
            "response_format",
            ["type": "json_schema", "json_schema": ["name": "output", "schema": .object(schema.object), "strict": true]])
    }

    /// Anthropic's two words ask for what is served anyway; those for answers that may take longer are the service's own, as in its other APIs.
    private static func serviceTier(_ reader: MemberReader, _ chat: inout JSONObject) throws(APIError) {
        switch try reader.string("service_tier") {
        case nil, "auto", "standard_only": break
        case "flex", "batch": chat.set("service_tier", "batch")
        default:
            let message = "'service_tier' must be 'auto' or 'standard_only', or 'flex' or 'batch' for answers that may take longer."
            throw APIError(.invalidValue, message: message, param: "service_tier")
        }
    }

    /// Models think only when asked to. Templates know the switch by one of two names; those that have none ignore both.
    private static func thinking(_ reader: MemberReader, _ chat: inout JSONObject) throws(APIError) {
        var thinks = false
        if let thinking = try reader.object("thinking") {
            switch try thinking.requiredString("type") {
            case "enabled", "adaptive": thinks = true
            case "disabled": break
            default: throw thinking.unsupported("type", "must be 'enabled', 'adaptive' or 'disabled'.")
            }
        }
        var arguments = chat["chat_template_kwargs"]?.object ?? [:]
        for name in ["enable_thinking", "thinking"] where arguments[name] == nil { arguments.set(name, .bool(thinks)) }
        chat.set("chat_template_kwargs", .object(arguments))
    }

    /// Words of chat completions for what has another name here, or is not in this API.
    private static let foreign = ["n", "stop", "response_format", "max_completion_tokens", "stream_options", "logprobs", "top_logprobs"]

    /// Members of this API: they have been read, or are about caching and the context's upkeep.
    private static let own: Set<String> = [
        "model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice", "thinking",
        "metadata", "service_tier", "container", "mcp_servers", "context_management", "cache_control", "output_config", "output_format",
        "anthropic_version", "anthropic_beta", "betas", "inference_geo", "speed",
    ]
}
