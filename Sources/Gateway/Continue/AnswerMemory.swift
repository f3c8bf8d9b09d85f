import HTTPWire
import NIOCore
import OpenAIWire

/// What a customer has had of a stream, so that another worker can go on with it: the text, and what the answer called itself.
///
/// For few requests only: each event is decoded. Events of the worker that goes on are written anew in the words of the first, without a
/// second role, under the same id.
struct AnswerMemory {
    private let isChat: Bool
    private(set) var text = ""
    /// Of the answer, over all workers: what the present one says in each event, or one for each event with text.
    private(set) var tokens = 0
    /// With text, over all workers: so many tokens at least were made, whatever the workers say.
    private(set) var events = 0
    /// The present worker, and each before it, said in its last event how many tokens it had made.
    private(set) var isCounted = false
    /// Nothing but text came, so that it is all there is to go on from.
    private(set) var isExact = true
    private(set) var isResumed = false
    /// Tokens of the workers before this one.
    private(set) var earlierTokens = 0
    private var id = ""
    private var created: Int64 = 0
    private static let mostBytes = 4 << 20
    /// As counts of usage are cut everywhere: hosts are not trusted, and one that claims more would end the gateway by an overflow.
    private static let mostTokens: Int64 = 999_999_999

    init(isChat: Bool) {
        self.isChat = isChat
    }

    /// Another worker goes on.
    mutating func resume() {
        isResumed = true
        earlierTokens = tokens
    }

    /// An event of the first worker, as it goes to the client.
    mutating func note(_ payload: [UInt8]) {
        guard isExact, let event = try? JSONValue.parse(payload) else { return isExact = false }
        id = event["id"]?.string ?? id
        created = event["created"]?.integer ?? created
        _ = take(event)
    }

    /// An event of a worker that goes on, in the words of the first; nil when it holds nothing for the client.
    mutating func rewritten(_ payload: [UInt8], quotedModel: [UInt8]) -> ByteBuffer? {
        guard let event = try? JSONValue.parse(payload), let choice = event["choices"]?.array?.first else { return nil }
        let text = take(event)
        let reason = choice["finish_reason"]?.string
        guard !text.isEmpty || reason != nil else { return nil }
        let quoted = String(decoding: BodyEdit.quoted(text), as: UTF8.self)
        let delta = text.isEmpty ? "{}" : #"{"content":\#(quoted)}"#
        let content = isChat ? #""delta":\#(delta)"# : #""text":\#(quoted)"#
        let end = reason.map { String(decoding: BodyEdit.quoted($0), as: UTF8.self) } ?? "null"
        return frame(#"{"index":0,\#(content),"logprobs":null,"finish_reason":\#(end)}"#, quotedModel: quotedModel)
    }

    /// The end of a stream whose last token was the last one allowed.
    func lengthEvent(quotedModel: [UInt8]) -> ByteBuffer {
        let content = isChat ? #""delta":{}"# : #""text":"""#
        return frame(#"{"index":0,\#(content),"logprobs":null,"finish_reason":"length"}"#, quotedModel: quotedModel)
    }

    func usageEvent(_ usage: [UInt8], quotedModel: [UInt8]) -> ByteBuffer {
        frame("", quotedModel: quotedModel, tail: #","usage":"# + String(decoding: usage, as: UTF8.self))
    }

    /// The usage of the whole answer: what the customer has already was part of the last worker's prompt.
    func joined(_ usage: ReportedUsage) -> ReportedUsage {
        var joined = usage
        joined.promptTokens = usage.promptTokens.map { max($0 - earlierTokens, 0) }
        joined.completionTokens = usage.completionTokens.map { $0 + earlierTokens }
        return joined
    }

    private mutating func take(_ event: JSONValue) -> String {
        guard let choice = event["choices"]?.array?.first else { return "" }
        var piece = choice["text"]?.string ?? ""
        for member in choice["delta"]?.object?.members ?? [] where member.name != "role" {
            switch (member.name, member.value) {
            case ("content", .string(let text)): piece = text
            case (_, .null), (_, .string("")), (_, .array([])): break
            default: isExact = false
            }
        }
        guard !piece.isEmpty else { return "" }
        count(event)
        text += piece
        if text.utf8.count > Self.mostBytes { isExact = false }
        return piece
    }

    /// Of an event with text. One may hold several tokens, and a runtime that says nothing of them is not known to hold one in each.
    private mutating func count(_ event: JSONValue) {
        let told = event["usage"]?["completion_tokens"]?.integer ?? event["timings"]?["predicted_n"]?.integer
        let made = told.flatMap { $0 < 0 ? nil : $0 }
        isCounted = made != nil && (isCounted || tokens == earlierTokens)
        events += 1
        tokens = max(tokens + 1, made.map { earlierTokens + Int(clamping: min($0, Self.mostTokens)) } ?? 0)
    }

    /// The text can have been made of so many tokens. Not of what a worker claims and never sent: one that breaks off would pass for one that has come to its
    /// end. An event may hold several, as where a sign takes three.
    var canHaveAll: Bool {
        guard events < tokens else { return true }
        var text = text
        return tokens <= text.withUTF8 { UsageBound.mostTokens(UnsafeRawBufferPointer($0)) }
    }

    private func frame(_ choice: String, quotedModel: [UInt8], tail: String = "") -> ByteBuffer {
        let object = isChat ? "chat.completion.chunk" : "text_completion"
        var event = ByteBufferAllocator().buffer(capacity: choice.utf8.count + tail.utf8.count + 160)
        event.writeString(
            #"data: {"id":\#(String(decoding: BodyEdit.quoted(id), as: UTF8.self)),"object":"\#(object)","created":\#(created),"model":"#)
        event.writeBytes(quotedModel)
        event.writeString(#","choices":[\#(choice)]\#(tail)}"# + "\n\n")
        return event
    }
}
