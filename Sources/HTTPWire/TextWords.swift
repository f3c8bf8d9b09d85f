/// Words of the API, which no person says.
enum TextWords {
    /// Members whose values are words of the API, or else somebody's own.
    private static let kinds = bytes(["role", "type", "object", "encoding_format"])
    /// Members whose values are made by programs.
    private static let ids = bytes(["id", "tool_call_id", "model", "cache_salt"])
    private static let longestId = 64

    private static let values = bytes([
        "system", "developer", "user", "assistant", "tool", "function", "text", "image_url", "input_audio", "audio_url", "video_url", "refusal",
        "json_object", "json_schema", "object", "string", "number", "integer", "boolean", "array", "null", "float", "base64",
    ])

    /// Members that templates write out with the names inside, as JSON.
    static let schemas = bytes(["tools", "functions", "response_format", "guided_json", "structured_outputs", "chat_template_kwargs", "documents"])

    /// Names inside them that everybody uses.
    static let schemaNames = bytes([
        "type", "function", "name", "description", "parameters", "strict", "json_schema", "json", "schema", "properties", "required", "items",
        "enum", "const", "default", "title", "format", "examples", "additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "not",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems",
        "uniqueItems", "prefixItems", "minProperties", "maxProperties", "nullable", "$schema", "$id", "$ref", "$defs", "definitions", "text",
        "enable_thinking", "thinking",
    ])

    private static func bytes(_ words: [String]) -> Set<[UInt8]> { Set(words.map { Array($0.utf8) }) }

    /// A role, type or format that the API knows, or an id in one word. Whoever hides words there is looked at.
    static func isWordless(_ name: [UInt8], _ value: some Collection<UInt8>) -> Bool {
        guard (2...15).contains(name.count), value.count <= longestId else { return false }
        if kinds.contains(name) { return values.contains(Array(value)) }
        return ids.contains(name) && value.allSatisfy(isOfId)
    }

    private static func isOfId(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
