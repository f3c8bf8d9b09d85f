@testable import HTTPWire

/// What the scan of an answer finds is what stands in it; bytes that are no answer do no harm.
enum AnswerFuzzer: Fuzzer {
    static let name = "answer"

    static func check(_ bytes: [UInt8]) throws {
        let answer = bytes.withUnsafeBytes { AnswerScan.scan($0) }
        if let answer { try rangesLieWithin(answer, bytes.count) }
        guard let node = ReferenceJSON.read(bytes) else { return }
        guard node.kind == .object else { return try hold(answer == nil, "an answer that is no object") }
        guard let answer else { return try hold(isAmbiguous(node, bytes), "an object is refused") }
        try hold(!isAmbiguous(node, bytes), "an object that is read in two ways")
        var expected = AnswerScan()
        Expectation(bytes: bytes).fill(&expected, node)
        try same(answer, expected)
        try tellsNoMore(answer, node, bytes)
    }

    /// Without what is hidden it is JSON still, of the members that are told and no others, in their order.
    private static func tellsNoMore(_ answer: AnswerScan, _ node: ReferenceJSON.Node, _ bytes: [UInt8]) throws {
        var told: [UInt8] = []
        var at = 0
        for range in answer.hidden {
            try hold(range.lowerBound >= at, "hidden \(range) begins before \(at)")
            told += bytes[at..<range.lowerBound]
            at = range.upperBound
        }
        told += bytes[at...]
        guard let rest = ReferenceJSON.read(told) else { return try hold(false, "what is told is no JSON") }
        let before = Members(bytes: bytes)
        try hold(Members(bytes: told).all(of: rest, .top) == before.all(of: node, .top).filter(\.isTold), "other members are told")
    }

    /// Each member of a place that is looked at, with its value.
    private struct Members {
        struct Member: Equatable {
            var name: String
            var value: String
            var isTold: Bool
        }

        let bytes: [UInt8]

        func all(of object: ReferenceJSON.Node, _ place: AnswerPlace) -> [Member] {
            object.members.flatMap { member in
                let name = String(decoding: bytes[member.name], as: UTF8.self)
                let inner = inside(member.value, name, place)
                let value = inner == nil ? String(decoding: bytes[member.value.range], as: UTF8.self) : ""
                return [Member(name: name, value: value, isTold: place.tells(name, isNull: member.value.kind == .null))] + (inner ?? [])
            }
        }

        /// Nil: its members are not looked at.
        private func inside(_ value: ReferenceJSON.Node, _ name: String, _ place: AnswerPlace) -> [Member]? {
            switch (place, name, value.kind) {
            case (.top, "choices", .array): value.elements.flatMap { $0.kind == .object ? all(of: $0, .choice) : [] }
            case (.top, "usage", .object): all(of: value, .usage)
            case (.choice, "delta", .object), (.choice, "message", .object): all(of: value, .delta)
            case (.delta, "audio", .object): all(of: value, .audio)
            case (.usage, "prompt_tokens_details", .object), (.usage, "completion_tokens_details", .object): all(of: value, .details)
            default: nil
            }
        }
    }

    /// A second `usage`, or a name with escapes where names are looked for.
    private static func isAmbiguous(_ top: ReferenceJSON.Node, _ bytes: [UInt8]) -> Bool {
        func named(_ names: [String], _ members: [ReferenceJSON.Member]) -> [ReferenceJSON.Member] {
            members.filter { names.contains(String(decoding: bytes[$0.name], as: UTF8.self)) }
        }
        let usages = named(["usage"], top.members)
        let counts = usages.filter { $0.value.kind == .object }.flatMap(\.value.members)
        let details = named(["prompt_tokens_details", "completion_tokens_details"], counts).filter { $0.value.kind == .object }
        let names = (top.members + counts + details.flatMap(\.value.members)).map(\.name)
        return usages.count > 1 || names.contains { bytes[$0].contains(UInt8(ascii: "\\")) }
    }

    private static func rangesLieWithin(_ answer: AnswerScan, _ count: Int) throws {
        let ranges = [
            answer.usageMember, answer.emptyUsageMember, answer.usageValue, answer.serviceTierMember, answer.choicesValue,
            answer.finishReason, answer.model, answer.error,
        ]
        for range in ranges.compactMap(\.self) + answer.hidden {
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
                case ("usage", let kind) where kind != .null:
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
                case ("audio", .object): audio(&scan, member.value)
                default: break
                }
            }
        }

        private func audio(_ scan: inout AnswerScan, _ object: ReferenceJSON.Node) {
            for member in object.members where member.value.kind == .string && member.value.range.count > 2 {
                switch name(member) {
                case "transcript": content(&scan, member.value)
                case "data": scan.hasContent = true
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
            guard object.kind == .object else {
                usage.isFlawed = true
                return usage
            }
            for member in object.members {
                switch name(member) {
                case "prompt_tokens": take(member.value, &usage, \.promptTokens)
                case "completion_tokens": take(member.value, &usage, \.completionTokens)
                case "total_tokens": take(member.value, &usage, \.totalTokens)
                case "prompt_tokens_details", "completion_tokens_details":
                    if ![.object, .null].contains(member.value.kind) { usage.isFlawed = true }
                    if member.value.kind == .object { for inner in member.value.members { details(&usage, inner) } }
                default: details(&usage, member)
                }
            }
            return usage
        }

        private func details(_ usage: inout ReportedUsage, _ member: ReferenceJSON.Member) {
            if name(member) == "cached_tokens" { take(member.value, &usage, \.cachedPromptTokens) }
            if name(member) == "reasoning_tokens" { take(member.value, &usage, \.reasoningTokens) }
        }

        private func take(_ value: ReferenceJSON.Node, _ usage: inout ReportedUsage, _ place: WritableKeyPath<ReportedUsage, Int?>) {
            let count = count(value)
            let known = usage[keyPath: place]
            if count == nil, value.kind != .null { usage.isFlawed = true }
            if known != nil, known != count { usage.isFlawed = true }
            usage[keyPath: place] = count ?? known
        }

        private func count(_ value: ReferenceJSON.Node) -> Int? {
            let text = bytes[value.range]
            guard text.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
            return text.count > 9 ? 999_999_999 : Int(String(decoding: text, as: UTF8.self))
        }
    }
}
