@testable import HTTPWire

/// What the scan of an answer finds is what stands in it; bytes that are no answer do no harm.
enum AnswerFuzzer: Fuzzer {
    static let name = "answer"

    static func check(_ bytes: [UInt8]) throws {
        let answer = bytes.withUnsafeBytes { AnswerScan.scan($0) }
        if let answer { try rangesLieWithin(answer, bytes.count) }
        guard let node = ReferenceJSON.read(bytes) else { return }
        guard node.kind == .object else { return try hold(answer == nil, "an answer that is no object") }
        guard let answer else { throw Broken(description: "an object is refused") }
        var expected = AnswerScan()
        Expectation(bytes: bytes).fill(&expected, node)
        try same(answer, expected)
    }

    private static func rangesLieWithin(_ answer: AnswerScan, _ count: Int) throws {
        let ranges = [
            answer.usageMember, answer.emptyUsageMember, answer.usageValue, answer.timingsMember, answer.choicesValue, answer.finishReason,
            answer.model, answer.error,
        ]
        for range in ranges.compactMap(\.self) {
            try hold(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) bytes")
        }
    }

    private static func same(_ one: AnswerScan, _ other: AnswerScan) throws {
        try hold(one.usage == other.usage && one.usageValue == other.usageValue, "other usage")
        try hold((one.usageMember == nil) == (other.usage == nil), "usage without its member")
        try hold(one.choices == other.choices && one.choicesValue == other.choicesValue, "other choices")
        try hold(one.hasEmptyChoices == other.hasEmptyChoices && one.choiceIndex == other.choiceIndex, "another choice")
        try hold(one.hasContent == other.hasContent && one.contentBytes == other.contentBytes, "other content")
        try hold(one.finishReason == other.finishReason && one.finished == other.finished, "another end")
        try hold(one.hasData == other.hasData, "other data")
        try hold(one.model == other.model && one.error == other.error, "another model or error")
    }

    /// The scan of a tree, by names as they are written.
    private struct Expectation {
        let bytes: [UInt8]

        private func name(_ member: ReferenceJSON.Member) -> String { String(decoding: bytes[member.name], as: UTF8.self) }

        private func inside(_ node: ReferenceJSON.Node) -> Range<Int> { node.range.lowerBound + 1..<node.range.upperBound - 1 }

        func fill(_ scan: inout AnswerScan, _ top: ReferenceJSON.Node) {
            for member in top.members {
                let value = member.value
                switch (name(member), value.kind) {
                case ("choices", .array): choices(&scan, value)
                case ("usage", .object):
                    scan.usage = usage(value)
                    scan.usageValue = value.range
                case ("data", .array): scan.hasData = value.range.count > 2
                case ("model", .string): scan.model = inside(value)
                case ("object", .string) where bytes[inside(value)].elementsEqual("error".utf8): scan.error = 0..<bytes.count
                case ("error", let kind) where kind != .null: scan.error = value.range
                default: break
                }
            }
        }

        private func choices(_ scan: inout AnswerScan, _ array: ReferenceJSON.Node) {
            scan.choicesValue = array.range
            scan.hasEmptyChoices = array.elements.isEmpty
            scan.choices = array.elements.count
            for member in array.elements.flatMap(\.members) {
                switch (name(member), member.value.kind) {
                case ("delta", .object), ("message", .object): delta(&scan, member.value)
                case ("finish_reason", .string) where member.value.range.count > 2:
                    scan.finishReason = inside(member.value)
                    scan.finished += 1
                case ("text", .string): content(&scan, member.value)
                case ("index", let kind) where kind != .string: scan.choiceIndex = count(member.value)
                default: break
                }
            }
        }

        private func delta(_ scan: inout AnswerScan, _ object: ReferenceJSON.Node) {
            for member in object.members {
                switch (name(member), member.value.kind) {
                case ("content", .string), ("reasoning_content", .string), ("reasoning", .string), ("refusal", .string): content(&scan, member.value)
                case ("content", .array), ("content", .object), ("tool_calls", .array), ("tool_calls", .object), ("function_call", .array),
                    ("function_call", .object):
                    content(&scan, member.value)
                default: break
                }
            }
        }

        private func content(_ scan: inout AnswerScan, _ value: ReferenceJSON.Node) {
            guard value.range.count > 2 else { return }
            scan.hasContent = true
            scan.contentBytes += value.range.count - 2
        }

        private func usage(_ object: ReferenceJSON.Node) -> ReportedUsage {
            var usage = ReportedUsage()
            for member in object.members {
                switch name(member) {
                case "prompt_tokens": usage.promptTokens = count(member.value) ?? usage.promptTokens
                case "completion_tokens": usage.completionTokens = count(member.value) ?? usage.completionTokens
                default: break
                }
                details(&usage, member)
                guard ["prompt_tokens_details", "completion_tokens_details"].contains(name(member)) else { continue }
                for inner in member.value.members { details(&usage, inner) }
            }
            return usage
        }

        private func details(_ usage: inout ReportedUsage, _ member: ReferenceJSON.Member) {
            guard let count = count(member.value) else { return }
            if name(member) == "cached_tokens" { usage.cachedPromptTokens = count }
            if name(member) == "reasoning_tokens" { usage.reasoningTokens = count }
        }

        private func count(_ value: ReferenceJSON.Node) -> Int? {
            let text = bytes[value.range]
            guard text.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
            return text.count > 9 ? 999_999_999 : Int(String(decoding: text, as: UTF8.self))
        }
    }
}
