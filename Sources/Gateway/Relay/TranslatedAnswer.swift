import Domain
import NIOCore
import OpenAIWire
import PlimsollWire

/// The answer to a request that came by another API than chat completions: made of chat answers, which every runtime gives.
final class TranslatedAnswer {
    private var translation: AnswerTranslation
    private let identity: AnswerIdentity
    private let echo: ResponsesEcho?
    private let beginning: String?
    private let isBatch: Bool
    /// Microseconds since 1970.
    private let acceptedAt: Int64

    /// Nil where the runtime's answer is the customer's.
    static func of(_ plan: RequestPlan, _ arriving: ArrivingRequest) -> TranslatedAnswer? {
        switch arriving.endpoint {
        case .chatCompletions, .completions, .embeddings, .countTokens: nil
        case .responses, .messages: TranslatedAnswer(plan, arriving)
        }
    }

    private init(_ plan: RequestPlan, _ arriving: ArrivingRequest) {
        identity = AnswerIdentity(
            requestId: arriving.requestId.description, model: plan.model.entry.name, createdSeconds: arriving.acceptedAt / 1_000_000)
        echo = plan.echo
        beginning = plan.beginning
        isBatch = plan.facts.isBatch
        acceptedAt = arriving.acceptedAt
        translation =
            if let echo {
                .responses(ResponsesStream(identity, echo: echo))
            } else {
                .messages(MessagesStream(identity, estimatedPrompt: plan.facts.estimatedPromptTokens, isBatch: isBatch))
            }
    }

    /// The events that these of a chat stream mean, perhaps none; nil when they are not what a chat stream is made of.
    func events(_ chat: ByteBuffer) -> ByteBuffer? {
        chat.withUnsafeReadableBytes { translation.take($0) }.map { ByteBuffer(bytes: $0) }
    }

    /// The events behind a whole answer.
    ///
    /// - Parameter elapsed: Since acceptance, microseconds.
    func ending(_ tokens: MeteredTokens, after elapsed: Int64) -> ByteBuffer {
        ByteBuffer(bytes: translation.finish(TokenCounts(tokens), atSeconds: (acceptedAt + elapsed) / 1_000_000))
    }

    /// The events behind an answer that broke.
    func failure(_ error: APIError) -> ByteBuffer { ByteBuffer(bytes: translation.fail(error)) }

    /// An answer in one piece; nil when the runtime's is no chat answer.
    ///
    /// - Parameter elapsed: Since acceptance, microseconds.
    func whole(_ chat: ByteBuffer, _ tokens: MeteredTokens, of dialect: RuntimeDialect, after elapsed: Int64) -> ByteBuffer? {
        let bytes = Array(chat.readableBytesView)
        let body =
            if let echo {
                ResponsesStream.whole(bytes, identity, echo: echo, usage: TokenCounts(tokens), atSeconds: (acceptedAt + elapsed) / 1_000_000)
            } else {
                MessagesStream.whole(
                    bytes, identity, usage: TokenCounts(tokens), repeated: dialect == .llamacpp ? beginning : nil, isBatch: isBatch)
            }
        return body.map { ByteBuffer(bytes: $0) }
    }
}

extension TokenCounts {
    init(_ tokens: MeteredTokens) {
        self.init(prompt: tokens.prompt, completion: tokens.completion, cached: tokens.cached, reasoning: tokens.reasoning)
    }
}
