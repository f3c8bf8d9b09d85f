import HTTPWire

/// `tools` and `tool_choice` of a responses request, in the words of chat completions.
struct ResponsesTools {
    private var tools: [JSONValue] = []
    private var choice: JSONValue?
    /// As the customer wrote them.
    let given: JSONValue
    let givenChoice: JSONValue

    init(_ reader: MemberReader) throws(APIError) {
        given = reader["tools"] ?? []
        givenChoice = reader["tool_choice"] ?? "auto"
        for tool in try reader.objects("tools") ?? [] { tools.append(try Self.function(tool)) }
        choice = try Self.choice(reader)
        try keepAllowed(reader)
    }

    func write(to chat: inout JSONObject) {
        guard !tools.isEmpty else { return }
        chat.set("tools", .array(tools))
        chat.set("tool_choice", choice)
    }

    private static func function(_ tool: MemberReader) throws(APIError) -> JSONValue {
        guard try tool.requiredString("type") == "function" else {
            throw tool.unsupported("type", "must be 'function': this service runs no tools of its own.")
        }
        var function: JSONObject = ["name": .string(try tool.requiredString("name"))]
        function.set("description", tool["description"])
        function.set("parameters", tool["parameters"])
        function.set("strict", tool["strict"])
        return ["type": "function", "function": .object(function)]
    }

    private static func choice(_ reader: MemberReader) throws(APIError) -> JSONValue? {
        guard let value = reader["tool_choice"] else { return nil }
        if let word = value.string {
            guard ["auto", "none", "required"].contains(word) else {
                throw APIError(.invalidValue, message: "'tool_choice' must be 'auto', 'none', 'required' or an object.", param: "tool_choice")
            }
            return value
        }
        let choice = try MemberReader(value, at: "tool_choice")
        switch try choice.requiredString("type") {
        case "function": return ["type": "function", "function": ["name": .string(try choice.requiredString("name"))]]
        case "allowed_tools": return .string(try choice.string("mode") ?? "auto")
        default: throw choice.unsupported("type", "must be 'function' or 'allowed_tools'.")
        }
    }

    /// Of `allowed_tools` only those are sent on.
    private mutating func keepAllowed(_ reader: MemberReader) throws(APIError) {
        guard reader["tool_choice"]?.object != nil, let choice = try reader.object("tool_choice"),
            try choice.string("type") == "allowed_tools"
        else { return }
        var allowed: Set<String> = []
        for tool in try choice.objects("tools") ?? [] { allowed.insert(try tool.requiredString("name")) }
        tools = tools.filter { allowed.contains($0["function"]?["name"]?.string ?? "") }
    }
}
