/// Token counts as a runtime reports them. A count that is missing is nil: missing is not zero.
package struct ReportedUsage: Sendable, Equatable {
    package var promptTokens: Int?
    package var completionTokens: Int?
    package var cachedPromptTokens: Int?
    package var reasoningTokens: Int?

    package init() {}
}

/// The few facts that the relay needs of an answer, or of one event of a stream, found in one walk over its bytes. Nothing is decoded.
package struct AnswerScan: Sendable {
    /// `usage` when it is an object.
    package var usage: ReportedUsage?
    /// The member `usage` from its name to its value's end, and the comma in front of it, when there is one.
    package var usageMember: Range<Int>?
    /// The value of that member.
    package var usageValue: Range<Int>?
    /// `choices` is there and is empty.
    package var hasEmptyChoices = false
    /// Number of elements of `choices`.
    package var choices = 0
    /// The value of `choices`, when it is an array.
    package var choicesValue: Range<Int>?
    /// `index` of the last choice that names it.
    package var choiceIndex: Int?
    /// Text, reasoning, a refusal or a tool call that is not empty.
    package var hasContent = false
    /// Bytes of text, reasoning and tool calls, as written in JSON.
    package var contentBytes = 0
    /// The last `finish_reason` that is not null, between its quotes.
    package var finishReason: Range<Int>?
    /// Number of choices with a `finish_reason` that is not null.
    package var finished = 0
    /// The value of `model`, between its quotes.
    package var model: Range<Int>?
    /// The value of `error` when it is neither null nor missing, or the whole text when `object` is `error`.
    package var error: Range<Int>?

    /// Nil when the bytes are no JSON object as far as they were looked at.
    package static func scan(_ bytes: UnsafeRawBufferPointer) -> AnswerScan? {
        guard let text = JSONText(bytes) else { return nil }
        var walk = AnswerWalk(text: text)
        do throws(JSONStop) {
            try walk.run()
        } catch {
            return nil
        }
        return walk.result
    }
}

/// Walks over the members that matter and skips the others.
struct AnswerWalk {
    let text: JSONText
    var result = AnswerScan()

    private enum Place {
        case top
        case usage
        case details
        case choice
        case delta
    }

    init(text: JSONText) {
        self.text = text
    }

    mutating func run() throws(JSONStop) {
        let start = text.skipSpace(0)
        let end = try members(start, .top)
        guard text.skipSpace(end) == text.count else { throw JSONStop(code: .trailingBytes, offset: end) }
    }

    /// Reads an object of a known place; nested at most as deeply as the places are.
    private mutating func members(_ open: Int, _ place: Place) throws(JSONStop) -> Int {
        guard open < text.count, text.base[open] == UInt8(ascii: "{") else { throw JSONStop(code: .notAnObject, offset: open) }
        var at = text.skipSpace(open + 1)
        if at < text.count, text.base[at] == UInt8(ascii: "}") { return at + 1 }
        var comma: Int?
        while true {
            let start = at
            guard at < text.count, text.base[at] == UInt8(ascii: "\"") else { throw JSONStop(code: .syntax, offset: at) }
            let name = at + 1..<(try text.stringEnd(at + 1).quote)
            at = text.skipSpace(name.upperBound + 1)
            guard at < text.count, text.base[at] == UInt8(ascii: ":") else { throw JSONStop(code: .syntax, offset: at) }
            at = text.skipSpace(at + 1)
            guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
            let end = try value(name, at, place)
            if place == .top, result.usageMember == nil, result.usage != nil { result.usageMember = (comma ?? start)..<end }
            at = text.skipSpace(end)
            guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
            if text.base[at] == UInt8(ascii: "}") { return at + 1 }
            guard text.base[at] == UInt8(ascii: ",") else { throw JSONStop(code: .syntax, offset: at) }
            comma = at
            at = text.skipSpace(at + 1)
        }
    }

    @inline(__always)
    private func `is`(_ name: Range<Int>, _ word: StaticString) -> Bool {
        guard name.count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<name.count where text.base[name.lowerBound + offset] != word.utf8Start[offset] { return false }
        return true
    }

    private mutating func value(_ name: Range<Int>, _ at: Int, _ place: Place) throws(JSONStop) -> Int {
        switch place {
        case .top: return try topValue(name, at)
        case .choice: return try choiceValue(name, at)
        case .delta: return try deltaValue(name, at)
        case .usage, .details: return try countValue(name, at, place)
        }
    }

    private mutating func topValue(_ name: Range<Int>, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        if `is`(name, "choices"), byte == UInt8(ascii: "[") {
            let end = try choices(at)
            result.choicesValue = at..<end
            return end
        }
        if `is`(name, "usage"), byte == UInt8(ascii: "{") {
            result.usage = ReportedUsage()
            let end = try members(at, .usage)
            result.usageValue = at..<end
            return end
        }
        let end = try skip(at)
        if byte == UInt8(ascii: "\"") {
            if `is`(name, "model") { result.model = at + 1..<end - 1 }
            if `is`(name, "object"), `is`(at + 1..<end - 1, "error") { result.error = 0..<text.count }
        }
        if `is`(name, "error"), byte != UInt8(ascii: "n") { result.error = at..<end }
        return end
    }

    private mutating func choices(_ open: Int) throws(JSONStop) -> Int {
        var at = text.skipSpace(open + 1)
        if at < text.count, text.base[at] == UInt8(ascii: "]") {
            result.hasEmptyChoices = true
            return at + 1
        }
        while at < text.count {
            result.choices += 1
            at = text.base[at] == UInt8(ascii: "{") ? try members(at, .choice) : try skip(at)
            at = text.skipSpace(at)
            guard at < text.count else { break }
            if text.base[at] == UInt8(ascii: "]") { return at + 1 }
            guard text.base[at] == UInt8(ascii: ",") else { throw JSONStop(code: .syntax, offset: at) }
            at = text.skipSpace(at + 1)
        }
        throw JSONStop(code: .incomplete, offset: text.count)
    }

    private mutating func choiceValue(_ name: Range<Int>, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        if byte == UInt8(ascii: "{"), `is`(name, "delta") || `is`(name, "message") { return try members(at, .delta) }
        let end = try skip(at)
        if byte == UInt8(ascii: "\"") {
            if `is`(name, "finish_reason") {
                result.finishReason = at + 1..<end - 1
                result.finished += 1
            }
            if `is`(name, "text"), end - at > 2 { content(at, end) }
        } else if `is`(name, "index") {
            result.choiceIndex = count(at..<end)
        }
        return end
    }

    private mutating func deltaValue(_ name: Range<Int>, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        let end = try skip(at)
        guard end - at > 2 else { return end }
        switch byte {
        case UInt8(ascii: "\""):
            if `is`(name, "content") || `is`(name, "reasoning_content") || `is`(name, "reasoning") || `is`(name, "refusal") {
                content(at, end)
            }
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            if `is`(name, "tool_calls") || `is`(name, "function_call") || `is`(name, "content") { content(at, end) }
        default: break
        }
        return end
    }

    /// Without the two bytes around it.
    private mutating func content(_ start: Int, _ end: Int) {
        result.hasContent = true
        result.contentBytes += end - start - 2
    }

    private mutating func countValue(_ name: Range<Int>, _ at: Int, _ place: Place) throws(JSONStop) -> Int {
        if text.base[at] == UInt8(ascii: "{"), place == .usage,
            `is`(name, "prompt_tokens_details") || `is`(name, "completion_tokens_details")
        {
            return try members(at, .details)
        }
        let end = try skip(at)
        guard let count = count(at..<end) else { return end }
        if `is`(name, "prompt_tokens"), place == .usage { result.usage?.promptTokens = count }
        if `is`(name, "completion_tokens"), place == .usage { result.usage?.completionTokens = count }
        if `is`(name, "cached_tokens") { result.usage?.cachedPromptTokens = count }
        if `is`(name, "reasoning_tokens") { result.usage?.reasoningTokens = count }
        return end
    }

    /// A count of at most nine digits; more is nobody's tokens.
    private func count(_ range: Range<Int>) -> Int? {
        guard (1...9).contains(range.count) else { return nil }
        var value = 0
        for at in range {
            guard text.base[at] >= 0x30, text.base[at] <= 0x39 else { return nil }
            value = value * 10 + Int(text.base[at] - 0x30)
        }
        return value
    }

    /// Passes over any value; brackets are counted, not matched by kind.
    private func skip(_ from: Int) throws(JSONStop) -> Int {
        var at = from
        var depth = 0
        repeat {
            at = text.skipSpace(at)
            guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
            switch text.base[at] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                at += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw JSONStop(code: .syntax, offset: at) }
                depth -= 1
                at += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw JSONStop(code: .syntax, offset: at) }
                at += 1
            default: at = try text.scalarEnd(at)
            }
        } while depth > 0
        return at
    }
}
