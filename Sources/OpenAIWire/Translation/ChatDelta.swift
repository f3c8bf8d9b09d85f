import HTTPWire

/// What one event of a chat stream, or a whole chat answer, says of its first choice.
struct ChatDelta {
    struct ToolCall {
        /// Place among the calls of the answer.
        var index: Int?
        var id: String?
        var name: String?
        var arguments: String
    }

    private(set) var text = ""
    private(set) var reasoning = ""
    private(set) var refusal = ""
    private(set) var toolCalls: [ToolCall] = []
    private(set) var finishReason: String?
    /// The text that ended the answer, where the runtime names it: `stop_reason` of vLLM, `matched_stop` of SGLang.
    private(set) var stopSequence: String?
    private(set) var logprobs: [JSONValue] = []

    init(_ event: JSONValue) {
        guard let choice = event["choices"]?.array?.first else { return }
        finishReason = choice["finish_reason"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        stopSequence = choice["stop_reason"]?.string ?? choice["matched_stop"]?.string
        logprobs = choice["logprobs"]?["content"]?.array ?? []
        guard let delta = choice["delta"] ?? choice["message"] else { return }
        text = delta["content"]?.string ?? ""
        refusal = delta["refusal"]?.string ?? ""
        // Some runtimes send both names for the same words.
        let current = delta["reasoning"]?.string ?? ""
        reasoning = current.isEmpty ? delta["reasoning_content"]?.string ?? "" : current
        for (position, call) in (delta["tool_calls"]?.array ?? []).enumerated() {
            let index = call["index"]?.integer.flatMap { Int(exactly: $0) } ?? (choice["message"] != nil ? position : nil)
            toolCalls.append(
                ToolCall(
                    index: index, id: call["id"]?.string.flatMap { $0.isEmpty ? nil : $0 }, name: call["function"]?["name"]?.string,
                    arguments: call["function"]?["arguments"]?.string ?? ""))
        }
    }
}

/// Tool calls of a stream as they come in pieces: name and id once, arguments bit by bit, several calls perhaps in turn.
struct ToolCallPieces {
    struct Call {
        var id: String
        var name = ""
        var arguments = ""
        /// How far the arguments are a value.
        fileprivate var reach = JSONReach()
        /// They are as much as one JSON value, as far as its brackets tell.
        var isWhole: Bool { reach.isWhole }
    }

    private(set) var calls: [Call] = []
    /// Bytes of the arguments of all calls.
    private var argumentBytes = 0
    /// More is not kept of an answer.
    private static let mostBytes = 16 << 20
    private var places: [Int: Int] = [:]
    private let idPrefix: String

    /// - Parameter idPrefix: Start of the ids of calls that the runtime gives none.
    init(idPrefix: String) {
        self.idPrefix = idPrefix
    }

    /// Returns the place of the call that the piece belongs to; nil when there are more calls, or arguments, than anyone makes.
    mutating func take(_ piece: ChatDelta.ToolCall) -> Int? {
        let isNext = piece.index == nil && piece.id != nil && piece.id != calls.last?.id
        let index = piece.index ?? (isNext ? calls.count : max(calls.count - 1, 0))
        let place = places[index] ?? calls.count
        if place == calls.count {
            guard calls.count < 128 else { return nil }
            places[index] = place
            calls.append(Call(id: piece.id ?? "\(idPrefix)\(place)"))
        }
        if calls[place].arguments.isEmpty { calls[place].name = ToolName.joined(calls[place].name, piece.name ?? "") }
        argumentBytes += piece.arguments.utf8.count
        guard argumentBytes <= Self.mostBytes else { return nil }
        calls[place].arguments += piece.arguments
        calls[place].reach.take(piece.arguments)
        return place
    }
}

/// The name of a called tool: told once by the API's word, again with each piece of the call by some runtimes, in pieces by none that is known.
package enum ToolName {
    /// - Parameters:
    ///   - known: What has come of it.
    ///   - piece: What came now, in front of the first byte of arguments.
    package static func joined(_ known: String, _ piece: String) -> String {
        piece.hasPrefix(known) ? piece : known + piece
    }
}

/// Whether a text that comes in pieces is as much as one JSON value, told by its brackets and quotes alone: each byte is looked at once, however
/// small the pieces are.
package struct JSONReach {
    private var depth = 0
    private var isInText = false
    private var isEscaped = false
    private var hasBegun = false

    package var isWhole: Bool { hasBegun && depth <= 0 && !isInText }

    package init() {}

    package mutating func take(_ piece: String) {
        for byte in piece.utf8 { take(byte) }
    }

    private mutating func take(_ byte: UInt8) {
        if isInText {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInText = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInText = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        case 0...0x20: return
        default: break
        }
        hasBegun = true
    }
}

/// Tokens as a customer is told them, which is as they are billed.
package struct TokenCounts: Sendable, Equatable {
    package var prompt: Int
    package var completion: Int
    /// Of the prompt.
    package var cached: Int
    /// Of the completion.
    package var reasoning: Int

    package init(prompt: Int, completion: Int, cached: Int = 0, reasoning: Int = 0) {
        self.prompt = prompt
        self.completion = completion
        self.cached = cached
        self.reasoning = reasoning
    }
}

extension JSONValue {
    static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }

    /// An event with its name, as both translated APIs send them.
    func event(_ name: String) -> [UInt8] {
        Array("event: \(name)\ndata: ".utf8) + text + Array("\n\n".utf8)
    }
}
