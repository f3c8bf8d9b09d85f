import HTTPWire

/// What one choice of an answer says, put together.
struct SaidChoice: Equatable {
    var text = ""
    var reasoning = ""
    /// Arguments of calls, by their place.
    var calls: [Int64: String] = [:]
    /// Nil: it did not say why it ended.
    var finishReason: String?

    /// Of the events of a stream of chat or completions, in order of their places.
    static func read(events: [UInt8]) -> [SaidChoice] {
        var choices: [Int64: SaidChoice] = [:]
        for line in events.split(separator: 0x0A) where line.starts(with: "data:".utf8) {
            // An event that was cut says nothing.
            guard let event = try? JSONValue.parse(Array(line.dropFirst(5))) else { continue }
            add(event, to: &choices)
        }
        return choices.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Of an answer in one piece; nil: it is none.
    static func read(whole: [UInt8]) -> [SaidChoice]? {
        guard let answer = try? JSONValue.parse(whole) else { return nil }
        var choices: [Int64: SaidChoice] = [:]
        add(answer, to: &choices)
        return choices.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func add(_ answer: JSONValue, to choices: inout [Int64: SaidChoice]) {
        for (position, choice) in (answer["choices"]?.array ?? []).enumerated() {
            choices[choice["index"]?.integer ?? Int64(position), default: SaidChoice()].add(choice)
        }
    }

    private mutating func add(_ choice: JSONValue) {
        finishReason = choice["finish_reason"]?.string ?? finishReason
        let said = choice["delta"] ?? choice["message"] ?? choice
        for name in ["content", "text", "refusal"] { text += Self.text(of: said[name]) }
        for name in ["reasoning_content", "reasoning"] { reasoning += Self.text(of: said[name]) }
        for (position, call) in (said["tool_calls"]?.array ?? []).enumerated() {
            calls[call["index"]?.integer ?? Int64(position), default: ""] += Self.arguments(of: call["function"])
        }
        // What calls were before there were tools.
        if let call = said["function_call"], call.object != nil { calls[-1, default: ""] += Self.arguments(of: call) }
    }

    /// Some runtimes tell it in parts.
    private static func text(of value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.string }.joined()
        default: ""
        }
    }

    private static func arguments(of function: JSONValue?) -> String {
        switch function?["arguments"] {
        case .string(let text): text
        // Read already.
        case .object: "{}"
        default: ""
        }
    }
}
