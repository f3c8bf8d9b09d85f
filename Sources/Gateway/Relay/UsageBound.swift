import CPlatform
import NIOCore
import OpenAIWire

/// The most tokens that one request can have cost. Hosts report their own usage, which becomes the customer's bill, and are not trusted.
struct UsageBound {
    /// What a chat template adds of its own: a default system prompt, the introduction of tools.
    private static let templateTokens = 512
    /// What it puts around a message, beyond what the JSON around it in the body counts for.
    private static let messageTokens = 16

    let prompt: Int
    let completion: Int

    init(prompt: Int, completion: Int) {
        self.prompt = prompt
        self.completion = completion
    }

    /// - Parameters:
    ///   - body: What was sent on, tools and schemas included.
    ///   - media: What pictures, sounds and films are taken for, in tokens: a large one may be few bytes, or a link.
    ///   - completion: The caps of all answers together.
    init(body: UnsafeRawBufferPointer, messages: Int, media: Int = 0, completion: Int) {
        let prompt = UsageBound.mostTokens(body) + UsageBound.templateTokens + messages * UsageBound.messageTokens + media
        self.init(prompt: prompt, completion: completion)
    }

    /// Tokenizers that work on bytes make four or five small letters and spaces a token, and hardly ever fewer than two, whatever the words.
    /// But they may give every digit and sign a token of its own, two of three capitals in base64 text, and every byte of a rare script: those
    /// count whole.
    static func mostTokens(_ body: UnsafeRawBufferPointer) -> Int {
        guard let base = body.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
        return body.count &- cplatform_light_bytes(base, body.count) / 2
    }
}

/// Tokens as they go into a record.
struct MeteredTokens: Equatable {
    var prompt: Int
    var completion: Int
    var cached = 0
    var reasoning = 0
    /// Not as the runtime reported it: counted here, or cut to what is possible.
    var isEstimated = false
    /// The runtime reported more than is possible.
    var isClamped = false

    init(prompt: Int, completion: Int) {
        self.prompt = prompt
        self.completion = completion
    }
}
