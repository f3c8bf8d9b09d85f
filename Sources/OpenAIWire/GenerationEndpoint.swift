/// Which of the customer's endpoints a request came to.
package enum GenerationEndpoint: Sendable, CaseIterable {
    case chatCompletions
    case completions
    case embeddings
    /// OpenAI's newer API, put into the words of chat completions.
    case responses
    /// Anthropic's API, put into the words of chat completions.
    case messages
    case countTokens

    /// Where customers find it.
    package var path: StaticString {
        switch self {
        case .chatCompletions: "/v1/chat/completions"
        case .completions: "/v1/completions"
        case .embeddings: "/v1/embeddings"
        case .responses: "/v1/responses"
        case .messages: "/v1/messages"
        case .countTokens: "/v1/messages/count_tokens"
        }
    }

    /// Where runtimes are asked. Written out, because a string that is made of `path` takes memory for each request.
    package var runtimePath: String {
        switch self {
        case .chatCompletions, .responses, .messages: "/v1/chat/completions"
        case .completions: "/v1/completions"
        case .embeddings: "/v1/embeddings"
        case .countTokens: "/v1/messages/count_tokens"
        }
    }

    package var errorShape: ErrorShape {
        switch self {
        case .messages, .countTokens: .anthropic
        case .chatCompletions, .completions, .embeddings, .responses: .openAI
        }
    }

    /// The body that policy reads is one of chat completions.
    package var isChat: Bool {
        switch self {
        case .chatCompletions, .responses, .messages: true
        case .completions, .embeddings, .countTokens: false
        }
    }

    /// The body that policy reads was written anew from what came.
    package var isTranslated: Bool {
        switch self {
        case .responses, .messages, .countTokens: true
        case .chatCompletions, .completions, .embeddings: false
        }
    }

    /// Tokens come out of it one by one, as text.
    package var generates: Bool {
        switch self {
        case .chatCompletions, .completions, .responses, .messages: true
        case .embeddings, .countTokens: false
        }
    }

    /// The member that holds the prompt.
    package var promptParam: String {
        switch self {
        case .chatCompletions, .messages, .countTokens: "messages"
        case .completions: "prompt"
        case .embeddings, .responses: "input"
        }
    }
}

/// In whose words errors are told.
package enum ErrorShape: Sendable {
    case openAI
    case anthropic
}
