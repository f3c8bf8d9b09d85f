package import HTTPWire

/// Makes the events of a response out of those of a chat stream.
///
/// Reasoning, texts and refusals are items that follow each other. Calls of tools stay open until the answer ends, since a runtime may write
/// several in turn.
package struct ResponsesStream: Sendable {
    private let identity: AnswerIdentity
    private let echo: ResponsesEcho
    private var sequence = 0
    private var isStarted = false
    private var items: [ResponsesItem] = []
    /// Position of the item that takes text now.
    private var open: Int?
    private var pieces: ToolCallPieces
    /// Positions in `items` by the place of a call; nil: its name has not come.
    private var announced: [Int?] = []
    private var finishReason: String?
    private var textBytes = 0
    /// More is not kept of an answer.
    private static let mostTextBytes = 64 << 20

    package init(_ identity: AnswerIdentity, echo: ResponsesEcho) {
        self.identity = identity
        self.echo = echo
        pieces = ToolCallPieces(idPrefix: "call_\(identity.id)_")
    }

    /// Takes one event of the chat stream; false when there is more in it than can be.
    package mutating func take(_ event: JSONValue, into out: inout [UInt8]) -> Bool {
        let delta = ChatDelta(event)
        start(&out)
        finishReason = delta.finishReason ?? finishReason
        textBytes += delta.reasoning.utf8.count + delta.text.utf8.count + delta.refusal.utf8.count
        guard textBytes <= Self.mostTextBytes else { return false }
        if !delta.reasoning.isEmpty { append(delta.reasoning, .reasoning, &out) }
        if !delta.text.isEmpty { append(delta.text, .text, logprobs: delta.logprobs, &out) }
        if !delta.refusal.isEmpty { append(delta.refusal, .refusal, &out) }
        for piece in delta.toolCalls {
            guard let place = pieces.take(piece) else { return false }
            called(place, piece.arguments, &out)
        }
        return true
    }

    /// The events at the end of a whole answer.
    ///
    /// - Parameter end: Seconds since 1970.
    package mutating func finish(_ usage: TokenCounts, atSeconds end: Int64, into out: inout [UInt8]) {
        start(&out)
        let state = close(usage, atSeconds: end, &out)
        send("response.\(state.status)", ["response": echo.response(identity, state)], &out)
    }

    /// The events that say that the answer broke: the response as failed, and an error that clients raise.
    package mutating func fail(_ error: APIError, into out: inout [UInt8]) {
        start(&out)
        takeCalls()
        let code: JSONValue = error.code.status == 429 ? "rate_limit_exceeded" : error.code.status >= 500 ? "server_error" : "invalid_prompt"
        let state = ResponseState(
            status: "failed", output: items.map { $0.json(status: "incomplete") }, error: ["code": code, "message": .string(error.message)])
        send("response.failed", ["response": echo.response(identity, state)], &out)
        send(
            "error",
            [
                "code": .string(error.code.rawValue), "message": .string(error.message), "param": error.param.map { .string($0) } ?? .null,
                "error": .object(error.members),
            ], &out)
    }

    /// The response object of an answer that was not streamed; nil when it is no chat answer.
    ///
    /// - Parameter end: When it was complete, seconds since 1970.
    package static func whole(
        _ chat: [UInt8], _ identity: AnswerIdentity, echo: ResponsesEcho, usage: TokenCounts, atSeconds end: Int64
    ) -> [UInt8]? {
        guard let answer = try? JSONValue.parse(chat), answer["choices"]?.array?.first?["message"] != nil else { return nil }
        var stream = ResponsesStream(identity, echo: echo)
        var events: [UInt8] = []
        guard stream.take(answer, into: &events) else { return nil }
        let state = stream.close(usage, atSeconds: end, &events)
        return echo.response(identity, state).text
    }

    // MARK: Items

    private mutating func start(_ out: inout [UInt8]) {
        guard !isStarted else { return }
        isStarted = true
        let response = echo.response(identity, ResponseState(status: "in_progress"))
        send("response.created", ["response": response], &out)
        send("response.in_progress", ["response": response], &out)
    }

    private mutating func append(_ text: String, _ kind: ResponsesItem.Kind, logprobs: [JSONValue] = [], _ out: inout [UInt8]) {
        if open.map({ items[$0].kind != kind }) ?? true {
            closeOpen(&out)
            open = add(kind, &out)
            guard let open else { return }
            send("response.content_part.added", items[open].place(open).with("part", items[open].emptyPart), &out)
        }
        guard let open else { return }
        items[open].text += text
        items[open].logprobs += logprobs
        var members = items[open].place(open)
        members.set("delta", .string(text))
        if kind == .text { members.set("logprobs", .array(logprobs)) }
        send("response.\(kind.eventName).delta", members, &out)
    }

    private mutating func add(_ kind: ResponsesItem.Kind, call: ToolCallPieces.Call? = nil, _ out: inout [UInt8]) -> Int {
        let position = items.count
        let item = ResponsesItem(kind: kind, id: "\(kind.idPrefix)_\(identity.id)_\(position)", call: call)
        items.append(item)
        send("response.output_item.added", ["output_index": .count(position), "item": item.json(status: "in_progress", isEmpty: true)], &out)
        return position
    }

    private mutating func called(_ place: Int, _ arguments: String, _ out: inout [UInt8]) {
        while announced.count <= place { announced.append(nil) }
        let call = pieces.calls[place]
        var news = arguments
        if announced[place] == nil {
            guard !call.name.isEmpty else { return }
            closeOpen(&out)
            announced[place] = add(.call, call: call, &out)
            news = call.arguments
        }
        guard let position = announced[place], !news.isEmpty else { return }
        send("response.function_call_arguments.delta", items[position].place(position).with("delta", .string(news)), &out)
    }

    private mutating func closeOpen(_ out: inout [UInt8], status: String = "completed") {
        guard let open else { return }
        self.open = nil
        let item = items[open]
        var members = item.place(open)
        members.set(item.kind == .refusal ? "refusal" : "text", .string(item.text))
        if item.kind == .text { members.set("logprobs", .array(item.logprobs)) }
        send("response.\(item.kind.eventName).done", members, &out)
        send("response.content_part.done", item.place(open).with("part", item.part), &out)
        done(open, status, &out)
    }

    private mutating func done(_ position: Int, _ status: String, _ out: inout [UInt8]) {
        items[position].status = status
        send("response.output_item.done", ["output_index": .count(position), "item": items[position].json()], &out)
    }

    /// Closes every item. The last one is incomplete when the answer is.
    private mutating func close(_ usage: TokenCounts, atSeconds end: Int64, _ out: inout [UInt8]) -> ResponseState {
        let isCut = ResponseState.ended(finishReason, output: [], usage: usage, atSeconds: end).status != "completed"
        let calls = announced.compactMap { $0 }
        closeOpen(&out, status: isCut && calls.isEmpty ? "incomplete" : "completed")
        takeCalls()
        for position in calls {
            var members = items[position].place(position)
            members.set("name", .string(items[position].call?.name ?? ""))
            members.set("arguments", .string(items[position].call?.arguments ?? ""))
            send("response.function_call_arguments.done", members, &out)
            done(position, isCut && position == calls.last ? "incomplete" : "completed", &out)
        }
        return ResponseState.ended(finishReason, output: items.map { $0.json() }, usage: usage, atSeconds: end)
    }

    /// At the end alone: a second holder would have the arguments copied with each of their pieces.
    private mutating func takeCalls() {
        for (place, position) in announced.enumerated() {
            if let position { items[position].call = pieces.calls[place] }
        }
    }

    private mutating func send(_ type: String, _ members: JSONObject, _ out: inout [UInt8]) {
        var event: JSONObject = ["type": .string(type), "sequence_number": .count(sequence)]
        sequence += 1
        for member in members.members { event.set(member.name, member.value) }
        out += JSONValue.object(event).event(type)
    }
}

extension JSONObject {
    fileprivate func with(_ name: String, _ value: JSONValue) -> JSONObject {
        var object = self
        object.set(name, value)
        return object
    }
}
