#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Token counts as a runtime reports them. A count that is missing, null or no count is nil: missing is not zero.
package struct ReportedUsage: Sendable, Equatable {
    package var promptTokens: Int?
    package var completionTokens: Int?
    package var totalTokens: Int?
    package var cachedPromptTokens: Int?
    package var reasoningTokens: Int?
    /// Something in the place of a count is none (negative, a fraction, a text), or a count is told twice and differs.
    package var isFlawed = false

    package init() {}

    /// It may be shown as it is: nothing is flawed, and prompt and answer add up to the total.
    package var isSound: Bool { !isFlawed && totalTokens == (promptTokens ?? 0) + (completionTokens ?? 0) }
}

/// The few facts that the relay needs of an answer, or of one event of a stream, found in one walk over its bytes. Nothing is decoded.
package struct AnswerScan: Sendable {
    /// `usage` when it is neither null nor missing.
    package var usage: ReportedUsage?
    /// The member `usage` from its name to its value's end, with the comma in front of it; where it is the first one, with the one behind it.
    package var usageMember: Range<Int>?
    /// The member `usage` in the same way, where it is null.
    package var emptyUsageMember: Range<Int>?
    /// The member `service_tier` in the same way.
    package var serviceTierMember: Range<Int>?
    /// What is no customer's (`AnswerPlace`): in order and apart from each other. Without these bytes it is the same answer, with its commas right.
    package var hidden: [Range<Int>] = []
    /// `data` is an array that is not empty: embeddings.
    package var hasData = false
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
    /// Text, reasoning, a refusal, a tool call or sound that is not empty.
    package var hasContent = false
    /// Bytes of text, reasoning, tool calls and what was said aloud, as written in JSON.
    package var contentBytes = 0
    /// The text between its quotes, when it is the only content.
    package var onlyText: Range<Int>?
    /// The last `finish_reason` that is not null, between its quotes.
    package var finishReason: Range<Int>?
    /// Number of choices with a `finish_reason` that is not null.
    package var finished = 0
    /// The value of `model`, between its quotes.
    package var model: Range<Int>?
    /// The value of `error` when it is neither null nor missing, or the whole text when `object` is `error`.
    package var error: Range<Int>?

    /// Nil when the bytes are no JSON object as far as they were looked at, or readers may differ about what is in it: a second `usage`, or the
    /// name of a member at the top or in `usage` written with escapes.
    package static func scan(_ bytes: UnsafeRawBufferPointer) -> AnswerScan? {
        guard let text = JSONText(bytes) else { return nil }
        var walk = AnswerWalk(text: text)
        do throws(JSONStop) {
            try walk.run()
        } catch {
            return nil
        }
        if walk.hasUsage { walk.result.usage = walk.usage }
        return walk.result
    }
}

/// Walks over the members that matter and skips the others. Every event of every stream comes through here: names are told apart by their
/// length first, and then compared as words.
struct AnswerWalk {
    let text: JSONText
    var result = AnswerScan()
    var usage = ReportedUsage()
    var hasUsage = false
    private var namesUsage = false

    init(text: JSONText) {
        self.text = text
    }

    mutating func run() throws(JSONStop) {
        let start = text.skipSpace(0)
        let end = try members(start, .top)
        guard text.skipSpace(end) == text.count else { throw JSONStop(code: .trailingBytes, offset: end) }
    }

    /// Reads an object of a known place; nested at most as deeply as the places are.
    private mutating func members(_ open: Int, _ place: AnswerPlace) throws(JSONStop) -> Int {
        guard open < text.count, text.base[open] == UInt8(ascii: "{") else { throw JSONStop(code: .notAnObject, offset: open) }
        var at = text.skipSpace(open &+ 1)
        if at < text.count, text.base[at] == UInt8(ascii: "}") { return at &+ 1 }
        var comma = -1
        var hasTold = false
        while true {
            let start = at
            guard at < text.count, text.base[at] == UInt8(ascii: "\"") else { throw JSONStop(code: .syntax, offset: at) }
            let nameEnd = try text.stringEnd(at &+ 1)
            if nameEnd.hasEscapes, place.isCounted { throw JSONStop(code: .duplicateKey, offset: at) }
            at = text.skipSpace(nameEnd.quote &+ 1)
            guard at < text.count, text.base[at] == UInt8(ascii: ":") else { throw JSONStop(code: .syntax, offset: at) }
            at = text.skipSpace(at &+ 1)
            guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
            let name = AnswerName(start: start &+ 1, count: nameEnd.quote &- start &- 1)
            let isNull = text.base[at] == UInt8(ascii: "n")
            let end = try value(name, at, place)
            at = text.skipSpace(end)
            guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
            let isLast = text.base[at] == UInt8(ascii: "}")
            if text.isTold(name, in: place, isNull: isNull) {
                hasTold = true
            } else {
                result.hidden.append((hasTold ? comma : start)..<(hasTold || isLast ? end : at &+ 1))
            }
            if place == .top, hasUsage || name.count == 5 || name.count == 12 {
                noteMember(name, (comma < 0 ? start : comma)..<(comma < 0 && !isLast ? at &+ 1 : end))
            }
            if isLast { return at &+ 1 }
            guard text.base[at] == UInt8(ascii: ",") else { throw JSONStop(code: .syntax, offset: at) }
            comma = at
            at = text.skipSpace(at &+ 1)
        }
    }

    private mutating func noteMember(_ name: AnswerName, _ range: Range<Int>) {
        if hasUsage, result.usageMember == nil { result.usageMember = range }
        if !hasUsage, text.`is`(name, "usage") { result.emptyUsageMember = range }
        if text.`is`(name, "service_tier") { result.serviceTierMember = range }
    }

    @inline(__always)
    private mutating func value(_ name: AnswerName, _ at: Int, _ place: AnswerPlace) throws(JSONStop) -> Int {
        switch place {
        case .top: return try topValue(name, at)
        case .choice: return try choiceValue(name, at)
        case .delta: return try deltaValue(name, at)
        case .audio: return try audioValue(name, at)
        case .usage, .details: return try countValue(name, at, place)
        }
    }

    private mutating func topValue(_ name: AnswerName, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        switch name.count {
        case 7 where byte == UInt8(ascii: "[") && text.`is`(name, "choices"):
            let end = try choices(at)
            result.choicesValue = at..<end
            return end
        case 5 where text.`is`(name, "usage"): return try usageValue(at)
        case 5 where byte == UInt8(ascii: "\"") && text.`is`(name, "model"):
            let end = try text.skip(at)
            result.model = at &+ 1..<end &- 1
            return end
        case 5 where byte != UInt8(ascii: "n") && text.`is`(name, "error"):
            let end = try text.skip(at)
            result.error = at..<end
            return end
        case 4 where byte == UInt8(ascii: "[") && text.`is`(name, "data"):
            let end = try text.skip(at)
            result.hasData = end &- at > 2
            return end
        case 6 where byte == UInt8(ascii: "\"") && text.`is`(name, "object"):
            let end = try text.skip(at)
            if text.`is`(AnswerName(start: at &+ 1, count: end &- at &- 2), "error") { result.error = 0..<text.count }
            return end
        default: return try text.skip(at)
        }
    }

    private mutating func usageValue(_ at: Int) throws(JSONStop) -> Int {
        guard !namesUsage else { throw JSONStop(code: .duplicateKey, offset: at) }
        namesUsage = true
        guard text.base[at] != UInt8(ascii: "n") else { return try text.skip(at) }
        hasUsage = true
        usage.isFlawed = text.base[at] != UInt8(ascii: "{")
        let end = usage.isFlawed ? try text.skip(at) : try members(at, .usage)
        result.usageValue = at..<end
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
            at = text.base[at] == UInt8(ascii: "{") ? try members(at, .choice) : try text.skip(at)
            at = text.skipSpace(at)
            guard at < text.count else { break }
            if text.base[at] == UInt8(ascii: "]") { return at + 1 }
            guard text.base[at] == UInt8(ascii: ",") else { throw JSONStop(code: .syntax, offset: at) }
            at = text.skipSpace(at + 1)
        }
        throw JSONStop(code: .incomplete, offset: text.count)
    }

    private mutating func choiceValue(_ name: AnswerName, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        switch name.count {
        case 5 where byte == UInt8(ascii: "{") && text.`is`(name, "delta"): return try members(at, .delta)
        case 7 where byte == UInt8(ascii: "{") && text.`is`(name, "message"): return try members(at, .delta)
        case 13 where byte == UInt8(ascii: "\"") && text.`is`(name, "finish_reason"):
            let end = try text.skip(at)
            // One runtime writes an empty text where others write null.
            guard end &- at > 2 else { return end }
            result.finishReason = at &+ 1..<end &- 1
            result.finished &+= 1
            return end
        case 4 where byte == UInt8(ascii: "\"") && text.`is`(name, "text"):
            let end = try text.skip(at)
            if end &- at > 2 { content(at, end) }
            return end
        case 5 where byte != UInt8(ascii: "\"") && text.`is`(name, "index"):
            let end = try text.skip(at)
            result.choiceIndex = text.count(at, end)
            return end
        default: return try text.skip(at)
        }
    }

    private mutating func deltaValue(_ name: AnswerName, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        if name.count == 5, byte == UInt8(ascii: "{"), text.`is`(name, "audio") { return try members(at, .audio) }
        let end = try text.skip(at)
        guard end &- at > 2, text.holdsContent(name, byte) else { return end }
        content(at, end)
        return end
    }

    /// Its id comes before any sound, and is none. Bytes of sound are no measure of tokens; those of its transcript are.
    private mutating func audioValue(_ name: AnswerName, _ at: Int) throws(JSONStop) -> Int {
        let byte = text.base[at]
        let end = try text.skip(at)
        guard byte == UInt8(ascii: "\""), end &- at > 2 else { return end }
        if name.count == 10, text.`is`(name, "transcript") { content(at, end) }
        if name.count == 4, text.`is`(name, "data") {
            content(at, end)
            result.contentBytes -= end - at - 2
        }
        return end
    }

    /// Without the two bytes around it.
    private mutating func content(_ start: Int, _ end: Int) {
        result.onlyText = result.hasContent || text.base[start] != UInt8(ascii: "\"") ? nil : start &+ 1..<end &- 1
        result.hasContent = true
        result.contentBytes += end - start - 2
    }

    private mutating func countValue(_ name: AnswerName, _ at: Int, _ place: AnswerPlace) throws(JSONStop) -> Int {
        let isNull = text.base[at] == UInt8(ascii: "n")
        if place == .usage, text.`is`(name, "prompt_tokens_details") || text.`is`(name, "completion_tokens_details") {
            if text.base[at] == UInt8(ascii: "{") { return try members(at, .details) }
            if !isNull { usage.isFlawed = true }
            return try text.skip(at)
        }
        let end = try text.skip(at)
        let count = text.count(at, end)
        let isOne = count != nil || isNull
        switch name.count {
        case 13 where text.`is`(name, "prompt_tokens") && place == .usage: usage.promptTokens = counted(usage.promptTokens, count, isOne)
        case 13 where text.`is`(name, "cached_tokens"): usage.cachedPromptTokens = counted(usage.cachedPromptTokens, count, isOne)
        case 17 where text.`is`(name, "completion_tokens") && place == .usage:
            usage.completionTokens = counted(usage.completionTokens, count, isOne)
        case 12 where text.`is`(name, "total_tokens") && place == .usage: usage.totalTokens = counted(usage.totalTokens, count, isOne)
        case 16 where text.`is`(name, "reasoning_tokens"): usage.reasoningTokens = counted(usage.reasoningTokens, count, isOne)
        default: break
        }
        return end
    }

    /// - Parameters:
    ///   - known: What was told before of the same.
    ///   - isOne: It is a count, or null.
    private mutating func counted(_ known: Int?, _ count: Int?, _ isOne: Bool) -> Int? {
        if !isOne || known != nil && known != count { usage.isFlawed = true }
        return count ?? known
    }
}

/// On the text alone: the walk with its result is too large to be handed about.
extension JSONText {
    @inline(__always)
    fileprivate func holdsContent(_ name: AnswerName, _ byte: UInt8) -> Bool {
        let isText = byte == UInt8(ascii: "\"")
        guard isText || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") else { return false }
        switch name.count {
        case 7: return `is`(name, "content") || isText && `is`(name, "refusal")
        case 9: return isText && `is`(name, "reasoning")
        case 17: return isText && `is`(name, "reasoning_content")
        case 10: return !isText && `is`(name, "tool_calls")
        case 13: return !isText && `is`(name, "function_call")
        default: return false
        }
    }

    /// A count of at most nine digits; more is nobody's tokens, and read as the most that nine say.
    fileprivate func count(_ start: Int, _ end: Int) -> Int? {
        guard end > start else { return nil }
        guard end &- start <= 9 else { return (start..<end).allSatisfy { (0x30...0x39).contains(base[$0]) } ? 999_999_999 : nil }
        var value = 0
        var at = start
        while at < end {
            guard base[at] >= 0x30, base[at] <= 0x39 else { return nil }
            value = value &* 10 &+ Int(base[at] &- 0x30)
            at &+= 1
        }
        return value
    }

    /// Passes over any value.
    @inline(__always)
    fileprivate func skip(_ from: Int) throws(JSONStop) -> Int {
        switch base[from] {
        case UInt8(ascii: "\""): return try stringEnd(from &+ 1).quote &+ 1
        case UInt8(ascii: "{"), UInt8(ascii: "["): return try skipContainer(from)
        default: return try scalarEnd(from)
        }
    }

    /// Brackets are counted, not matched by kind.
    private func skipContainer(_ from: Int) throws(JSONStop) -> Int {
        var at = from
        var depth = 0
        repeat {
            at = skipSpace(at)
            guard at < count else { throw JSONStop(code: .incomplete, offset: at) }
            switch base[at] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                at += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                at += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"): at += 1
            default: at = try scalarEnd(at)
            }
        } while depth > 0
        return at
    }
}
