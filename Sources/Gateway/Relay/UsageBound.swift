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
        var light = 0
        var at = 0
        // So many of a number that the compiler knows fit into one byte's count: then it counts sixteen at a time.
        while at &+ 128 <= body.count {
            var count: UInt8 = 0
            var offset = 0
            while offset < 128 {
                count &+= lightness(base[at &+ offset])
                offset &+= 1
            }
            light &+= Int(count)
            at &+= 128
        }
        while at < body.count {
            light &+= Int(lightness(base[at]))
            at &+= 1
        }
        return body.count &- light / 2
    }

    /// 1 for a small letter or a space.
    @inline(__always)
    private static func lightness(_ byte: UInt8) -> UInt8 { (byte &- 0x61 < 26 ? 1 : 0) | (byte == 0x20 ? 1 : 0) }
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
