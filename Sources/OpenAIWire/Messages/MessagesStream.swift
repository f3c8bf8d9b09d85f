package import HTTPWire

/// Makes the events of an Anthropic message out of those of a chat stream.
///
/// Blocks follow each other. Where a runtime writes several calls of tools in turn, a call that cannot be begun yet is kept until the one before
/// it is a whole JSON text, or the answer ends. So is what is said while a call is being written: its block could not be opened again.
package struct MessagesStream: Sendable {
    private enum Block: Sendable, Equatable {
        case thinking
        case text
        case call(Int)
    }

    private struct Progress: Sendable {
        var isBegun = false
        /// Bytes of its arguments.
        var sent = 0
    }

    private let identity: AnswerIdentity
    private let estimatedPrompt: Int
    private let isBatch: Bool
    private var repeated: String?
    private var isStarted = false
    private var open: Block?
    private var index = -1
    private var blocks: [JSONValue] = []
    private var text = ""
    private var pieces: ToolCallPieces
    /// What was said since the open call began, which is not whole yet.
    private var waiting: [(block: Block, text: String)] = []
    private var waitingBytes = 0
    /// More is not kept of an answer.
    private static let mostWaiting = 4 << 20
    private static let mostWaitingBlocks = 1024
    /// Of each call, by its place.
    private var progress: [Progress] = []
    private var finishReason: String?
    private var stopSequence: String?

    /// - Parameters:
    ///   - estimatedPrompt: What the first event tells of the prompt's tokens; the last one tells what is true.
    ///   - isBatch: It was served behind all others, as was asked for.
    package init(_ identity: AnswerIdentity, estimatedPrompt: Int, isBatch: Bool = false) {
        self.identity = identity
        self.estimatedPrompt = estimatedPrompt
        self.isBatch = isBatch
        pieces = ToolCallPieces(idPrefix: "toolu_\(identity.id)_")
    }

    /// Takes one event of the chat stream; false when there is more in it than can be.
    package mutating func take(_ event: JSONValue, into out: inout [UInt8]) -> Bool {
        let delta = ChatDelta(event)
        start(&out)
        finishReason = delta.finishReason ?? finishReason
        stopSequence = delta.stopSequence ?? stopSequence
        guard append(delta.reasoning, .thinking, &out) else { return false }
        let text = repeated.map { delta.text.hasPrefix($0) ? String(delta.text.dropFirst($0.count)) : delta.text } ?? delta.text
        guard append(text, .text, &out), append(delta.refusal, .text, &out) else { return false }
        for piece in delta.toolCalls {
            guard let place = pieces.take(piece) else { return false }
            while progress.count < pieces.calls.count { progress.append(Progress()) }
            guard advance(place, piece, &out) else { return false }
        }
        return true
    }

    /// The events at the end of a whole answer.
    package mutating func finish(_ usage: TokenCounts, into out: inout [UInt8]) {
        start(&out)
        close(&out)
        let ending: JSONValue = ["stop_reason": stopReason, "stop_sequence": stopSequence.map { .string($0) } ?? .null]
        Self.send("message_delta", ["delta": ending, "usage": .object(Self.usage(usage))], &out)
        Self.send("message_stop", [:], &out)
    }

    package func fail(_ error: APIError, into out: inout [UInt8]) {
        out += error.told(in: .anthropic).event
    }

    /// What keeps a quiet stream open.
    package static let ping = Array("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8)

    /// The message of an answer that was not streamed; nil when it is no chat answer.
    ///
    /// - Parameter repeated: The beginning of the answer, which the customer gave and the runtime repeats.
    package static func whole(
        _ chat: [UInt8], _ identity: AnswerIdentity, usage: TokenCounts, repeated: String? = nil, isBatch: Bool = false
    ) -> [UInt8]? {
        guard let answer = try? JSONValue.parse(chat), answer["choices"]?.array?.first?["message"] != nil else { return nil }
        var stream = MessagesStream(identity, estimatedPrompt: 0, isBatch: isBatch)
        stream.repeated = repeated
        var events: [UInt8] = []
        guard stream.take(answer, into: &events) else { return nil }
        stream.close(&events)
        return stream.message(usage: Self.usage(usage), isOver: true).text
    }

    // MARK: Blocks

    private mutating func start(_ out: inout [UInt8]) {
        guard !isStarted else { return }
        isStarted = true
        let usage = Self.usage(TokenCounts(prompt: estimatedPrompt, completion: 0))
        Self.send("message_start", ["message": message(usage: usage, isOver: false)], &out)
        out += Self.ping
    }

    private func message(usage: JSONObject, isOver: Bool) -> JSONValue {
        var usage = usage
        usage.set("service_tier", isBatch ? "batch" : "standard")
        return [
            "id": .string("msg_" + identity.id), "type": "message", "role": "assistant", "model": .string(identity.model),
            "content": .array(blocks), "stop_reason": isOver ? stopReason : .null,
            "stop_sequence": isOver ? stopSequence.map { .string($0) } ?? .null : .null, "usage": .object(usage),
        ]
    }

    private var stopReason: JSONValue {
        switch finishReason {
        case "length": "max_tokens"
        case "tool_calls", "function_call": "tool_use"
        case "content_filter": "refusal"
        default: !pieces.calls.isEmpty ? "tool_use" : stopSequence != nil ? "stop_sequence" : "end_turn"
        }
    }

    /// Sends what was said, or keeps it for behind the call that is being written. False when more is to be kept than can be.
    private mutating func append(_ piece: String, _ block: Block, _ out: inout [UInt8]) -> Bool {
        guard !piece.isEmpty else { return true }
        guard isWritingCall else {
            write(piece, block, &out)
            return true
        }
        waitingBytes += piece.utf8.count
        if waiting.last?.block == block { waiting[waiting.count - 1].text += piece } else { waiting.append((block, piece)) }
        return waitingBytes <= Self.mostWaiting && waiting.count <= Self.mostWaitingBlocks
    }

    private var isWritingCall: Bool {
        guard case .call(let place) = open else { return false }
        return !waiting.isEmpty || !pieces.calls[place].isWhole
    }

    /// The open call is whole: sends what was kept for behind it.
    private mutating func writeWaiting(_ out: inout [UInt8]) {
        let kept = waiting
        (waiting, waitingBytes) = ([], 0)
        for (block, text) in kept { write(text, block, &out) }
    }

    private mutating func write(_ piece: String, _ block: Block, _ out: inout [UInt8]) {
        if open != block {
            closeOpen(&out)
            begin(block, block == .thinking ? ["type": "thinking", "thinking": "", "signature": ""] : ["type": "text", "text": ""], &out)
        }
        text += piece
        let delta: JSONValue =
            block == .thinking
            ? ["type": "thinking_delta", "thinking": .string(piece)] : ["type": "text_delta", "text": .string(piece)]
        Self.send("content_block_delta", ["index": .count(index), "delta": delta], &out)
    }

    /// A piece of a call has come: it is sent when that call's block is open or can be opened. False for more of a call that was closed.
    private mutating func advance(_ place: Int, _ piece: ChatDelta.ToolCall, _ out: inout [UInt8]) -> Bool {
        if open != .call(place) {
            if progress[place].isBegun { return piece.arguments.allSatisfy(\.isWhitespace) }
            if case .call(let current) = open, !pieces.calls[current].isWhole { return true }
            guard !pieces.calls[place].name.isEmpty else { return true }
            begin(call: place, &out)
        }
        sendArguments(place, &out)
        if !waiting.isEmpty, pieces.calls[place].isWhole { writeWaiting(&out) }
        return true
    }

    private mutating func begin(call place: Int, _ out: inout [UInt8]) {
        closeOpen(&out)
        progress[place].isBegun = true
        let call = pieces.calls[place]
        begin(.call(place), ["type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": [:]], &out)
    }

    private mutating func sendArguments(_ place: Int, _ out: inout [UInt8]) {
        // From the end, where the news are: from the start it would be all of it for each piece.
        let arguments = pieces.calls[place].arguments.utf8
        let count = arguments.count - progress[place].sent
        guard count > 0 else { return }
        let news = String(decoding: arguments.suffix(count), as: UTF8.self)
        progress[place].sent += count
        let delta: JSONValue = ["type": "input_json_delta", "partial_json": .string(news)]
        Self.send("content_block_delta", ["index": .count(index), "delta": delta], &out)
    }

    private mutating func begin(_ block: Block, _ start: JSONValue, _ out: inout [UInt8]) {
        open = block
        index += 1
        text = ""
        Self.send("content_block_start", ["index": .count(index), "content_block": start], &out)
    }

    private mutating func closeOpen(_ out: inout [UInt8]) {
        guard let open else { return }
        self.open = nil
        switch open {
        case .thinking: blocks.append(["type": "thinking", "thinking": .string(text), "signature": ""])
        case .text: blocks.append(["type": "text", "text": .string(text)])
        case .call(let place): blocks.append(Self.toolUse(pieces.calls[place]))
        }
        Self.send("content_block_stop", ["index": .count(index)], &out)
    }

    /// Closes the open block and sends what had to wait.
    private mutating func close(_ out: inout [UInt8]) {
        writeWaiting(&out)
        closeOpen(&out)
        for place in pieces.calls.indices where !progress[place].isBegun {
            begin(call: place, &out)
            sendArguments(place, &out)
            closeOpen(&out)
        }
    }

    private static func toolUse(_ call: ToolCallPieces.Call) -> JSONValue {
        // Arguments that are no JSON object, as when the answer was cut, cannot be shown as one.
        let input = try? JSONValue.parse(call.arguments)
        return ["type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": input?.object.map { .object($0) } ?? [:]]
    }

    /// Anthropic's count of the input leaves out what came from a cache.
    private static func usage(_ tokens: TokenCounts) -> JSONObject {
        [
            "input_tokens": .count(max(0, tokens.prompt - tokens.cached)), "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": .count(tokens.cached), "output_tokens": .count(tokens.completion),
        ]
    }

    private static func send(_ type: String, _ members: JSONObject, _ out: inout [UInt8]) {
        var event: JSONObject = ["type": .string(type)]
        for member in members.members { event.set(member.name, member.value) }
        out += JSONValue.object(event).event(type)
    }
}
