import HTTPWire

/// `tools` and `tool_choice` of a messages request, in the words of chat completions.
enum MessagesTools {
    static func write(_ reader: MemberReader, to chat: inout JSONObject) throws(APIError) {
        var tools: [JSONValue] = []
        for tool in try reader.objects("tools") ?? [] { tools.append(try function(tool)) }
        guard !tools.isEmpty else { return }
        chat.set("tools", .array(tools))
        guard let choice = try reader.object("tool_choice") else { return }
        chat.set("tool_choice", try self.choice(choice))
        if try choice.bool("disable_parallel_tool_use") == true { chat.set("parallel_tool_calls", false) }
    }

    private static func function(_ tool: MemberReader) throws(APIError) -> JSONValue {
        guard try tool.string("type") ?? "custom" == "custom" else {
            throw tool.unsupported("type", "must be 'custom': this service runs no tools of its own.")
        }
        guard let schema = try tool.object("input_schema") else { throw tool.missing("input_schema") }
        var function: JSONObject = ["name": .string(try tool.requiredString("name"))]
        function.set("description", tool["description"])
        function.set("parameters", .object(schema.object))
        function.set("strict", tool["strict"])
        return ["type": "function", "function": .object(function)]
    }

    private static func choice(_ choice: MemberReader) throws(APIError) -> JSONValue {
        switch try choice.requiredString("type") {
        case "auto": return "auto"
        case "any": return "required"
        case "none": return "none"
        case "tool": return ["type": "function", "function": ["name": .string(try choice.requiredString("name"))]]
        default: throw APIError(.invalidValue, message: "'tool_choice.type' must be 'auto', 'any', 'none' or 'tool'.", param: "tool_choice.type")
        }
    }
}
