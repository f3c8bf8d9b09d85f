import FoundationEssentials

/// What the simulation reads of a request; everything else of today's API is accepted and has no effect.
struct CompletionRequest {
    enum Kind {
        case chat
        case text
    }

    let kind: Kind
    let model: String?
    let prompt: String
    let streams: Bool
    let includesUsage: Bool
    /// `vllm`: usage on every event.
    let continuousUsage: Bool
    /// `llamacpp`: timings on every event.
    let timingsPerToken: Bool
    let maxTokens: Int?
    let choices: Int
    let seed: UInt64
    /// Text of the answer that the client has already, which is gone on with; nil: none.
    let continued: String?

    /// One token for each four bytes, and three around each prompt.
    var promptTokens: Int { prompt.utf8.count / 4 + 3 }

    init(kind: Kind, body: [UInt8]) throws {
        let fields = try JSONDecoder().decode(Fields.self, from: Data(body))
        self.kind = kind
        model = fields.model
        var messages = fields.messages ?? []
        continued = fields.continueFinalMessage == true && messages.last?.role == "assistant" ? messages.popLast()?.content?.text : nil
        prompt = kind == .chat ? Self.joined(messages) : fields.prompt?.text ?? ""
        streams = fields.stream ?? false
        includesUsage = fields.streamOptions?.includeUsage ?? false
        continuousUsage = fields.streamOptions?.continuousUsageStats ?? false
        timingsPerToken = fields.timingsPerToken ?? false
        maxTokens = fields.maxCompletionTokens ?? fields.maxTokens
        choices = max(1, min(fields.n ?? 1, 128))
        seed = UInt64(bitPattern: fields.seed ?? 0)
    }

    private static func joined(_ messages: [Fields.Message]) -> String {
        messages.map { "\($0.role ?? "user"): \($0.content?.text ?? "")" }.joined(separator: "\n")
    }
}

/// The body's shape on the wire.
private struct Fields: Decodable {
    struct Message: Decodable {
        var role: String?
        var content: Content?
    }

    struct StreamOptions: Decodable {
        var includeUsage: Bool?
        var continuousUsageStats: Bool?

        enum CodingKeys: String, CodingKey {
            case includeUsage = "include_usage"
            case continuousUsageStats = "continuous_usage_stats"
        }
    }

    var model: String?
    var messages: [Message]?
    var prompt: Content?
    var stream: Bool?
    var streamOptions: StreamOptions?
    var maxTokens: Int?
    var maxCompletionTokens: Int?
    var n: Int?
    var seed: Int64?
    var continueFinalMessage: Bool?
    var timingsPerToken: Bool?

    enum CodingKeys: String, CodingKey {
        case model, messages, prompt, stream, n, seed
        case streamOptions = "stream_options"
        case continueFinalMessage = "continue_final_message"
        case timingsPerToken = "timings_per_token"
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
    }
}

/// Text, or a list of texts or of parts with a text.
private struct Content: Decodable {
    struct Part: Decodable {
        var text: String?
    }

    let text: String

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let text = try? value.decode(String.self) {
            self.text = text
        } else if let texts = try? value.decode([String].self) {
            text = texts.joined(separator: "\n")
        } else if value.decodeNil() {
            text = ""
        } else {
            text = try value.decode([Part].self).compactMap(\.text).joined(separator: "\n")
        }
    }
}
