import HTTPWire
import OpenAIWire

/// Requests of the other APIs become requests that the scanner takes, and whatever a runtime streams becomes sound events. The bytes are lines:
/// a request, then the payloads of chat events.
enum TranslationFuzzer: Fuzzer {
    static let name = "translation"

    private static let identity = AnswerIdentity(requestId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", model: "m", createdSeconds: 5)
    private static let counts = TokenCounts(prompt: 5, completion: 3, cached: 2, reasoning: 1)

    static func check(_ bytes: [UInt8]) throws {
        let lines = bytes.split(separator: 0x0A, maxSplits: 32)
        let request = Array(lines.first ?? [])
        if let messages = try? MessagesRequest(request) { try isChat(messages.chat, request) }
        let responses = try? ResponsesRequest(request)
        if let responses { try isChat(responses.chat, request) }
        let payloads = lines.dropFirst()
        try streams(.messages(MessagesStream(identity, estimatedPrompt: 5)), payloads, ofMessages: true)
        let echo = try responses?.echo ?? ResponsesRequest(Array(#"{"model":"m","input":"hi"}"#.utf8)).echo
        try streams(.responses(ResponsesStream(identity, echo: echo)), payloads, ofMessages: false)
        for payload in payloads {
            let answer = Array(payload)
            if let whole = MessagesStream.whole(answer, identity, usage: counts) { _ = try JSONValue.parse(whole) }
            if let whole = ResponsesStream.whole(answer, identity, echo: echo, usage: counts, atSeconds: 12) { _ = try JSONValue.parse(whole) }
        }
    }

    /// Taken by the scanner of requests, for the model that was named, and no deeper than what came.
    private static func isChat(_ chat: [UInt8], _ request: [UInt8]) throws {
        guard JSONFuzzer.scan(chat) != nil else {
            // A translation wraps what it takes: the very deepest and longest requests are refused by the scanner behind it.
            let isNearBounds = (try? JSONValue.parse(chat, limits: JSONLimits(depth: 80, keys: 40_000))) != nil
            return try hold(isNearBounds, "a request that no scanner takes")
        }
        let value = try JSONValue.parse(chat)
        try hold(value["model"] == (try JSONValue.parse(request))["model"], "another model")
        try hold(value["messages"]?.array?.isEmpty == false, "a conversation without messages")
    }

    private static func streams(_ translation: AnswerTranslation, _ payloads: ArraySlice<ArraySlice<UInt8>>, ofMessages: Bool) throws {
        var (stream, out, isSound) = (translation, [UInt8](), true)
        for payload in payloads where isSound {
            let event = Array("data: ".utf8) + payload + Array("\n\n".utf8)
            if let piece = event.withUnsafeBytes({ stream.take($0) }) { out += piece } else { isSound = false }
        }
        out += isSound ? stream.finish(counts, atSeconds: 12) : stream.fail(APIError(.streamInterrupted))
        let events = try events(out)
        if ofMessages { try blocksAreBalanced(events, isSound) } else { try sequenceRises(events, isSound) }
    }

    /// Each event is one line with its type and one line of JSON that repeats it.
    private static func events(_ bytes: [UInt8]) throws -> [(type: String, value: JSONValue)] {
        let text = String(decoding: bytes, as: UTF8.self)
        try hold(Array(text.utf8) == bytes && (text.isEmpty || bytes.suffix(2).elementsEqual("\n\n".utf8)), "a broken end of the stream")
        var (events, lines) = ([(String, JSONValue)](), bytes.split(separator: 0x0A, omittingEmptySubsequences: false)[...])
        while lines.count >= 3 {
            let (event, data) = (Array(lines.removeFirst()), Array(lines.removeFirst()))
            try hold(lines.removeFirst().isEmpty, "an event of more than two lines")
            try hold(event.starts(with: "event: ".utf8) && data.starts(with: "data: ".utf8), "an event without type or data")
            let value = try JSONValue.parse(Array(data.dropFirst(6)))
            try hold(value["type"]?.string.map { Array($0.utf8) } == Array(event.dropFirst(7)), "two types in one event")
            events.append((String(decoding: event.dropFirst(7), as: UTF8.self), value))
        }
        return events
    }

    /// One block at a time, numbered from 0, inside one message.
    private static func blocksAreBalanced(_ events: [(type: String, value: JSONValue)], _ isSound: Bool) throws {
        var (open, next) = (Int64?.none, Int64(0))
        for (type, value) in events {
            switch type {
            case "content_block_start":
                try hold(open == nil && value["index"]?.integer == next, "a block begins inside another one")
                open = next
                next += 1
            case "content_block_delta": try hold(open != nil && value["index"]?.integer == open, "a delta outside its block")
            case "content_block_stop":
                try hold(open != nil && value["index"]?.integer == open, "a block ends that was not open")
                open = nil
            default: break
            }
        }
        guard isSound else { return }
        try hold(open == nil && events.first?.type == "message_start" && events.last?.type == "message_stop", "a message without its ends")
        try hold(events.count { $0.type == "message_start" } == 1, "a message begins twice")
    }

    /// Sequence numbers count up from 0; each item that was added is done, once.
    private static func sequenceRises(_ events: [(type: String, value: JSONValue)], _ isSound: Bool) throws {
        try hold(events.map(\.value["sequence_number"]?.integer) == events.indices.map { Int64($0) }, "sequence numbers with a gap")
        try hold(events.first?.type == "response.created", "a response that begins otherwise")
        guard isSound else { return try hold(events.last?.type == "error", "a broken response that ends otherwise") }
        let added = events.filter { $0.type == "response.output_item.added" }.map(\.value["output_index"]?.integer)
        let done = events.filter { $0.type == "response.output_item.done" }.map(\.value["output_index"]?.integer)
        try hold(Set(added) == Set(done) && added.count == done.count && Set(added).count == added.count, "items \(added) added, \(done) done")
        try hold(["response.completed", "response.incomplete"].contains(events.last?.type), "a response that ends otherwise")
    }
}
