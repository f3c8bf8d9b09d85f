import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// What a worker is asked when the gateway wants to know whether it works.
enum ProbeQuestion: Sendable, Equatable {
    /// One token, of whatever meaning.
    case anything
    /// A known prompt by the path that customers use most: streamed, temperature 0.
    ///
    /// - Parameter answer: What the answer must contain, in small letters; nil: any text will do.
    case known(prompt: String, answer: String?)
    case embedding

    static let usualPrompt = "Answer with one word: ready."
    /// Enough for a short answer, few enough to cost next to nothing.
    static let tokens = 24

    init(_ model: ModelEntry?) {
        guard model?.kind != .embedding else {
            self = .embedding
            return
        }
        self = .known(prompt: model?.probePrompt ?? Self.usualPrompt, answer: model?.probeAnswer?.lowercased())
    }

    var endpoint: GenerationEndpoint { self == .embedding ? .embeddings : .chatCompletions }

    /// - Parameters:
    ///   - name: Of the model as the runtime calls it, a JSON string.
    ///   - endpoint: Of a runtime without chat: completions.
    func body(model name: String, at endpoint: GenerationEndpoint) -> String {
        switch self {
        case .anything:
            return #"{"model":\#(name),"messages":[{"role":"user","content":"Hello"}],"max_tokens":1,"temperature":0,"stream":false}"#
        case .embedding:
            return #"{"model":\#(name),"input":"ready"}"#
        case .known(let prompt, _):
            let text = String(decoding: BodyEdit.quoted(prompt), as: UTF8.self)
            let asked = endpoint == .completions ? #""prompt":\#(text)"# : #""messages":[{"role":"user","content":\#(text)}]"#
            return #"{"model":\#(name),\#(asked),"max_tokens":\#(Self.tokens),"temperature":0,"stream":true,"stream_options":{"include_usage":true}}"#
        }
    }
}
