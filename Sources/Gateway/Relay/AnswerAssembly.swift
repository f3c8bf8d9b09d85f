import HTTPWire
import OpenAIWire

/// Puts the events of a stream together into the one answer that a client asked for which does not stream.
///
/// Not for every answer: each event is decoded. For runtimes whose answers that are not streamed report wrong token counts.
struct AnswerAssembly {
    private struct ToolCall {
        var id = ""
        var name = ""
        var arguments = ""

        mutating func take(_ function: JSONValue?) {
            if arguments.isEmpty { name = ToolName.joined(name, function?["name"]?.string ?? "") }
            arguments += function?["arguments"]?.string ?? ""
        }
    }

    private struct Choice {
        /// Texts by the name of their member, in the order in which they came.
        var texts: [(name: String, text: String)] = []
        var toolCalls: [Int64: ToolCall] = [:]
        /// Lists by the name of their member: `content` of chats, `tokens` and others of completions.
        var logprobs: [(name: String, entries: [JSONValue])] = []
        var finishReason: String?

        mutating func add(logprobs name: String, _ entries: [JSONValue]) {
            if let position = logprobs.firstIndex(where: { $0.name == name }) {
                logprobs[position].entries += entries
            } else {
                logprobs.append((name, entries))
            }
        }

        mutating func add(_ name: String, _ text: String) {
            if let position = texts.firstIndex(where: { $0.name == name }) {
                texts[position].text += text
            } else {
                texts.append((name, text))
            }
        }
    }

    private static let mostChoices = 128
    private static let mostCalls = 128

    private var choices: [Int64: Choice] = [:]
    private var id = ""
    private var created: Int64 = 0
    private let isChat: Bool
    private let mostBytes: Int
    /// Of the events so far.
    private(set) var bytes = 0
    /// Its events are more than may be put together.
    var isTooLong: Bool { bytes > mostBytes }

    /// - Parameter mostBytes: Of the events.
    init(isChat: Bool, mostBytes: Int = 64 << 20) {
        self.isChat = isChat
        self.mostBytes = mostBytes
    }

    /// False when the event is no JSON, or the answer grows too large or has too many parts.
    mutating func take(_ payload: [UInt8]) -> Bool {
        bytes += payload.count
        guard !isTooLong, let event = try? JSONValue.parse(payload) else { return false }
        id = event["id"]?.string ?? id
        created = event["created"]?.integer ?? created
        for choice in event["choices"]?.array ?? [] {
            let index = choice["index"]?.integer ?? 0
            guard choices.count < AnswerAssembly.mostChoices || choices[index] != nil else { return false }
            guard add(choice, to: &choices[index, default: Choice()]) else { return false }
        }
        return true
    }

    /// False: a choice calls more tools than any answer does.
    private func add(_ event: JSONValue, to choice: inout Choice) -> Bool {
        if let reason = event["finish_reason"]?.string { choice.finishReason = reason }
        if let text = event["text"]?.string { choice.add("text", text) }
        for member in event["logprobs"]?.object?.members ?? [] {
            if let entries = member.value.array { choice.add(logprobs: member.name, entries) }
        }
        for member in event["delta"]?.object?.members ?? [] where member.name != "role" && AnswerPlace.delta.tells(member.name) {
            if let text = member.value.string { choice.add(member.name, text) }
        }
        for call in event["delta"]?["tool_calls"]?.array ?? [] {
            let index = call["index"]?.integer ?? 0
            guard choice.toolCalls.count < AnswerAssembly.mostCalls || choice.toolCalls[index] != nil else { return false }
            // Some runtimes repeat it in every piece.
            if choice.toolCalls[index]?.id.isEmpty ?? true { choice.toolCalls[index, default: ToolCall()].id = call["id"]?.string ?? "" }
            choice.toolCalls[index, default: ToolCall()].take(call["function"])
        }
        return true
    }

    /// The answer as JSON.
    func json(quotedModel: [UInt8], usage: [UInt8], serviceTier: StaticString? = nil) -> [UInt8] {
        let tier = serviceTier.map { #""service_tier":"\#($0)","# } ?? ""
        var out = Array(#"{\#(tier)"id":"#.utf8) + BodyEdit.quoted(id)
        out += Array(#","object":"\#(isChat ? "chat.completion" : "text_completion")","created":\#(created),"model":"#.utf8) + quotedModel
        out += Array(#","choices":["#.utf8)
        for (position, entry) in choices.sorted(by: { $0.key < $1.key }).enumerated() {
            if position > 0 { out.append(UInt8(ascii: ",")) }
            out += Array(#"{"index":\#(entry.key),"#.utf8) + content(entry.value)
            out += Array(#","logprobs":"#.utf8) + logprobs(entry.value) + Array(#","finish_reason":"#.utf8)
            out += entry.value.finishReason.map { BodyEdit.quoted($0) } ?? Array("null".utf8)
            out.append(UInt8(ascii: "}"))
        }
        return out + Array(#"],"usage":"#.utf8) + usage + Array("}".utf8)
    }

    private func logprobs(_ choice: Choice) -> [UInt8] {
        guard !choice.logprobs.isEmpty else { return Array("null".utf8) }
        var object: JSONObject = [:]
        for (name, entries) in choice.logprobs { object.set(name, .array(entries)) }
        return JSONValue.object(object).text
    }

    private func content(_ choice: Choice) -> [UInt8] {
        guard isChat else { return Array(#""text":"#.utf8) + BodyEdit.quoted(choice.texts.first { $0.name == "text" }?.text ?? "") }
        var out = Array(#""message":{"role":"assistant""#.utf8)
        if !choice.texts.contains(where: { $0.name == "content" }) { out += Array(#","content":null"#.utf8) }
        for (name, text) in choice.texts {
            out += Array(",".utf8) + BodyEdit.quoted(name) + Array(":".utf8) + BodyEdit.quoted(text)
        }
        if !choice.toolCalls.isEmpty {
            let calls = choice.toolCalls.sorted { $0.key < $1.key }.map(\.value).map { call in
                Array(#"{"id":"#.utf8) + BodyEdit.quoted(call.id) + Array(#","type":"function","function":{"name":"#.utf8)
                    + BodyEdit.quoted(call.name)
                    + Array(#","arguments":"#.utf8) + BodyEdit.quoted(call.arguments) + Array("}}".utf8)
            }
            out += Array(#","tool_calls":["#.utf8) + calls.joined(separator: Array(",".utf8)) + Array("]".utf8)
        }
        return out + Array("}".utf8)
    }
}
