import HTTPWire
import Testing

@Suite struct AnswerScanTests {
    private func scan(_ text: String) -> AnswerScan? {
        Array(text.utf8).withUnsafeBytes { AnswerScan.scan($0) }
    }

    @Test func theFirstEventOfLlamaCppHasNoContent() throws {
        let text =
            #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"model":"m","object":"chat.completion.chunk"}"#
        let answer = try #require(scan(text))
        #expect(!answer.hasContent)
        #expect(answer.finishReason == nil)
        #expect(answer.choices == 1)
    }

    @Test(arguments: [
        #"{"choices":[{"delta":{"content":"I"}}]}"#, #"{"choices":[{"delta":{"reasoning_content":"x"}}]}"#, #"{"choices":[{"text":"x"}]}"#,
        #"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, #"{"choices":[{"message":{"content":"x"}}]}"#,
    ])
    func seesContentOfEveryKind(_ text: String) {
        #expect(scan(text)?.hasContent == true)
    }

    @Test func readsUsageWithDetails() throws {
        let text =
            #"{"choices":[],"usage":{"completion_tokens":4,"prompt_tokens":32,"total_tokens":36,"prompt_tokens_details":{"cached_tokens":7},"#
            + #""completion_tokens_details":{"reasoning_tokens":2}},"timings":{"prompt_n":32,"usage":{"prompt_tokens":9}}}"#
        let answer = try #require(scan(text))
        #expect(answer.hasEmptyChoices)
        #expect(answer.usage?.promptTokens == 32)
        #expect(answer.usage?.completionTokens == 4)
        #expect(answer.usage?.cachedPromptTokens == 7)
        #expect(answer.usage?.reasoningTokens == 2)
    }

    @Test func aMissingCountIsNotZero() {
        #expect(scan(#"{"usage":{"prompt_tokens":0}}"#)?.usage?.promptTokens == 0)
        #expect(scan(#"{"usage":{}}"#)?.usage?.promptTokens == nil)
        #expect(scan(#"{"usage":null}"#)?.usage == nil)
    }

    @Test func aCountOfTooManyDigitsIsTheMost() {
        #expect(scan(#"{"usage":{"completion_tokens":1000000000000000000}}"#)?.usage?.completionTokens == 999_999_999)
        let none = scan(#"{"usage":{"completion_tokens":-5,"prompt_tokens":1.5000000000}}"#)?.usage
        #expect(none?.completionTokens == nil && none?.promptTokens == nil && none?.isFlawed == true)
    }

    @Test(arguments: [
        (#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}"#, true), (#"{"prompt_tokens":9,"total_tokens":9}"#, true),
        (#"{"prompt_tokens":9,"total_tokens":9,"completion_tokens":null,"prompt_tokens_details":null}"#, true),
        (#"{"total_tokens":12,"prompt_tokens":9,"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":null}}"#, true),
        (#"{"prompt_tokens":9,"completion_tokens":3}"#, false), (#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":3}"#, false),
        (#"{"prompt_tokens":9.0,"total_tokens":0}"#, false), (#"{"prompt_tokens":"9","total_tokens":0}"#, false),
        (#"{"prompt_tokens":9,"prompt_tokens":8,"total_tokens":8}"#, false), (#"{"prompt_tokens":9,"prompt_tokens":9,"total_tokens":9}"#, true),
        (#"{"prompt_tokens":9,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":-1}}"#, false),
        (#"{"prompt_tokens":9,"total_tokens":9,"prompt_tokens_details":7}"#, false), ("7", false), ("[]", false), (#""9""#, false), ("{}", false),
    ])
    func knowsWhichUsageMayBeShownAsItIs(_ usage: String, _ isSound: Bool) throws {
        let answer = try #require(scan(#"{"usage":\#(usage),"x":1}"#))
        #expect(answer.usage?.isSound == isSound)
        #expect(answer.usageValue?.count == usage.utf8.count && answer.usageMember?.upperBound == usage.utf8.count + 10)
    }

    /// Of two members of one name, and of a name with escapes, other readers may take another one.
    @Test(arguments: [
        #"{"usage":{},"usage":null}"#, #"{"usage":null,"x":1,"usage":{"prompt_tokens":1}}"#, #"{"us\u0061ge":{"prompt_tokens":1}}"#,
        #"{"usage":{"prompt\u005ftokens":1}}"#, #"{"usage":{"prompt_tokens_details":{"cached\u005ftokens":1}}}"#,
    ])
    func refusesWhatCanBeReadInTwoWays(_ text: String) {
        #expect(scan(text) == nil)
    }

    @Test func theBuildOfARuntimeCanBeCutOut() throws {
        for (text, rest) in [(#"{"system_fingerprint":"b1" , "x":2}"#, #"{ "x":2}"#), (#"{"x":2, "system_fingerprint" : {"a":1}}"#, #"{"x":2}"#)] {
            let range = try #require(scan(text)?.fingerprintMember)
            var bytes = Array(text.utf8)
            bytes.removeSubrange(range)
            #expect(String(decoding: bytes, as: UTF8.self) == rest)
        }
        #expect(scan(#"{"usage":{},"system_fingerprint":null}"#)?.fingerprintMember == nil)
    }

    @Test func usageThatIsNoneCanBeCutOut() throws {
        for (text, rest) in [(#"{"usage":null,"x":2}"#, #"{"x":2}"#), (#"{"x":2, "usage" : null}"#, #"{"x":2}"#)] {
            let range = try #require(scan(text)?.emptyUsageMember)
            var bytes = Array(text.utf8)
            bytes.removeSubrange(range)
            #expect(String(decoding: bytes, as: UTF8.self) == rest)
        }
    }

    @Test func theMemberUsageCanBeCutOut() throws {
        let text = #"{"id":1,"usage":{"prompt_tokens":1},"x":2}"#
        let range = try #require(scan(text)?.usageMember)
        var bytes = Array(text.utf8)
        bytes.removeSubrange(range)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"id":1,"x":2}"#)
    }

    @Test(arguments: [#"{"error":{"code":400}}"#, #"{"error":"text"}"#, #"{"object":"error","message":"x"}"#])
    func seesErrorsOfEveryShape(_ text: String) {
        #expect(scan(text)?.error != nil)
    }

    @Test func contentThatLooksLikeStructureIsContent() throws {
        let answer = try #require(scan(#"{"choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":9},\"error\":1"},"finish_reason":"stop"}]}"#))
        #expect(answer.usage == nil)
        #expect(answer.error == nil)
        #expect(answer.finished == 1)
    }

    @Test func survivesPrefixesAndMutations() {
        let sample = Array(#"{"choices":[{"delta":{"content":"a\"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1},"error":null}"#.utf8)
        for count in 0..<sample.count { #expect(Array(sample[..<count]).withUnsafeBytes { AnswerScan.scan($0) == nil }) }
        var random = TestRandom(seed: 16)
        for _ in 0..<20_000 {
            var bytes = sample
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let answer = bytes.withUnsafeBytes({ AnswerScan.scan($0) }) else { continue }
            #expect(answer.usageMember.map { $0.upperBound <= bytes.count } ?? true)
        }
    }
}
