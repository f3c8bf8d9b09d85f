import HTTPWire
import NIOCore
import OpenAIWire

/// What is kept of a request of another API that was put into the words of chat.
struct BodyWords: Sendable {
    /// What the answer repeats of a request to `/v1/responses`.
    var echo: ResponsesEcho?
    /// The beginning of the answer, which a request to `/v1/messages` gave.
    var beginning: String?

    /// Puts the request into the words that policy and runtimes know.
    static func reword(_ body: inout ByteBuffer, _ endpoint: GenerationEndpoint, within limits: JSONLimits) throws(APIError) -> BodyWords {
        switch endpoint {
        case .chatCompletions, .completions, .embeddings: return BodyWords()
        case .responses:
            let request = try ResponsesRequest(Array(body.readableBytesView), limits: limits)
            body = ByteBuffer(bytes: request.chat)
            return BodyWords(echo: request.echo)
        case .messages:
            let request = try MessagesRequest(Array(body.readableBytesView), limits: limits)
            body = ByteBuffer(bytes: request.chat)
            return BodyWords(beginning: request.beginning)
        case .countTokens:
            body = ByteBuffer(bytes: try MessagesRequest.counting(Array(body.readableBytesView), limits: limits))
            return BodyWords()
        }
    }
}
