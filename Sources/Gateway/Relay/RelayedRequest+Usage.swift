import HTTPWire
import NIOCore
import OpenAIWire

/// What customers are told of the tokens of runtimes that count none: what is billed.
extension RelayedRequest {
    /// - Parameter reported: By the runtime, no more than is possible.
    func toldUsage(_ reported: AnswerTokens, _ plan: RequestPlan) -> [UInt8] {
        reported.isReported ? reported.json : meteredTokens(plan).json
    }

    /// The event that a client asked for and the runtime did not send; nil where it did, or nobody asked.
    func untoldUsage(_ stream: AnswerStream) -> ByteBuffer? {
        guard let plan, plan.facts.includesUsage, translated == nil, !stream.tokens.isReported else { return nil }
        let isChat = arriving.endpoint.isChat
        let tier = plan.facts.namesServiceTier ? #""service_tier":"\#(plan.facts.servedTier)","# : ""
        var event = ByteBuffer()
        event.writeString(#"data: {\#(tier)"id":"\#(isChat ? "chatcmpl" : "cmpl")-\#(arriving.requestId)","object":"#)
        event.writeString(isChat ? #""chat.completion.chunk""# : #""text_completion""#)
        event.writeString(#","created":\#(arriving.acceptedAt / 1_000_000),"model":"#)
        event.writeBytes(plan.model.quotedName)
        event.writeString(#","choices":[],"usage":"#)
        event.writeBytes(meteredTokens(plan).json)
        event.writeStaticString("}\n\n")
        return event
    }
}
