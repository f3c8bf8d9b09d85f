import HTTPWire

/// What a response repeats of its request, and how the object around an answer is made.
package struct ResponsesEcho: Sendable {
    private let members: JSONObject

    init(_ reader: MemberReader, tools: ResponsesTools) {
        var members: JSONObject = [:]
        func echo(_ name: String, or missing: JSONValue = .null) { members.set(name, reader[name] ?? missing) }
        echo("instructions")
        echo("max_output_tokens")
        echo("max_tool_calls")
        echo("metadata", or: [:])
        echo("parallel_tool_calls", or: true)
        members.set("previous_response_id", .null)
        echo("reasoning", or: ["effort": .null, "summary": .null])
        members.set("service_tier", ["flex", "batch"].contains(reader["service_tier"]?.string) ? "flex" : "default")
        members.set("store", false)
        echo("temperature")
        echo("text", or: ["format": ["type": "text"]])
        members.set("tool_choice", tools.givenChoice)
        members.set("tools", tools.given)
        echo("top_logprobs", or: 0)
        echo("top_p")
        members.set("truncation", "disabled")
        self.members = members
    }

    /// The response object.
    func response(_ identity: AnswerIdentity, _ state: ResponseState) -> JSONValue {
        var object: JSONObject = [
            "id": .string("resp_" + identity.id), "object": "response", "created_at": .integer(identity.createdSeconds),
            "status": .string(state.status), "background": false,
            "completed_at": state.completedSeconds.map { .integer($0) } ?? .null,
            "error": state.error ?? .null,
            "incomplete_details": state.incompleteReason.map { ["reason": .string($0)] } ?? .null, "model": .string(identity.model),
            "output": .array(state.output), "usage": state.usage.map { Self.usage($0) } ?? .null,
        ]
        for member in members.members { object.set(member.name, member.value) }
        return .object(object)
    }

    static func usage(_ tokens: TokenCounts) -> JSONValue {
        [
            "input_tokens": .count(tokens.prompt), "input_tokens_details": ["cached_tokens": .count(tokens.cached)],
            "output_tokens": .count(tokens.completion), "output_tokens_details": ["reasoning_tokens": .count(tokens.reasoning)],
            "total_tokens": .count(tokens.prompt + tokens.completion),
        ]
    }
}

/// How far a response has come.
struct ResponseState {
    var status: String
    var output: [JSONValue] = []
    var usage: TokenCounts?
    var error: JSONValue?
    var incompleteReason: String?
    /// Since 1970; nil: it is not complete.
    var completedSeconds: Int64?

    /// The end of an answer, by the reason that the runtime gave.
    static func ended(_ finishReason: String?, output: [JSONValue], usage: TokenCounts, atSeconds end: Int64) -> ResponseState {
        switch finishReason {
        case "length": ResponseState(status: "incomplete", output: output, usage: usage, incompleteReason: "max_output_tokens")
        case "content_filter": ResponseState(status: "incomplete", output: output, usage: usage, incompleteReason: "content_filter")
        default: ResponseState(status: "completed", output: output, usage: usage, completedSeconds: end)
        }
    }
}
