import NIOCore
import OpenAIWire

/// The most tokens that one request can have cost. Hosts report their own usage, which becomes the customer's bill, and are not trusted.
struct UsageBound {
    /// What a chat template adds of its own: a default system prompt, the introduction of tools. What it puts around each message is less
    /// than the JSON that stands around it in the body.
    private static let templateTokens = 512

    let prompt: Int
    let completion: Int

    init(prompt: Int, completion: Int) {
        self.prompt = prompt
        self.completion = completion
    }

    /// A token stands for at least one byte of the body, tools and schemas included; no answer is longer than its cap.
    init(_ plan: RequestPlan) {
        self.init(prompt: plan.rest.readableBytes + UsageBound.templateTokens, completion: plan.outputTokens * plan.facts.generated)
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
