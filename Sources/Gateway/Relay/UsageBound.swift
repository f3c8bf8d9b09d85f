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
    ///   - completion: The caps of all answers together.
    init(body: UnsafeRawBufferPointer, messages: Int, completion: Int) {
        let prompt = UsageBound.mostTokens(body) + UsageBound.templateTokens + messages * UsageBound.messageTokens
        self.init(prompt: prompt, completion: completion)
    }

    /// Tokenizers that work on bytes make four or five small letters and spaces a token, and hardly ever fewer than two, whatever the words.
    /// But they may give every digit and sign a token of its own, two of three capitals in base64 text, and every byte of a rare script: those
    /// count whole.
    private static func mostTokens(_ body: UnsafeRawBufferPointer) -> Int {
        var light = 0
        var at = 0
        while at &+ 8 <= body.count {
            light &+= lightBytes(body.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        while at < body.count {
            light &+= lightBytes(UInt64(body[at]))
            at &+= 1
        }
        return body.count &- light / 2
    }

    /// Small letters and spaces among eight bytes. Every request is counted: this is six times as fast as byte for byte. Sums of seven bits
    /// carry nothing over; the high bit of a byte tells the result.
    @inline(__always)
    private static func lightBytes(_ word: UInt64) -> Int {
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        let isLetter = (low &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(low &+ 0x0505_0505_0505_0505) & ~word
        let other = word ^ 0x2020_2020_2020_2020
        let isSpace = ~((other & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F | other)
        return ((isLetter | isSpace) & 0x8080_8080_8080_8080).nonzeroBitCount
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
