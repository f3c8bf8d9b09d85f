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

    private func told(_ text: String) throws -> String {
        var bytes = Array(text.utf8)
        for range in try #require(scan(text)).hidden.reversed() { bytes.removeSubrange(range) }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"system_fingerprint":"b1" , "id":2}"#, #"{ "id":2}"#), (#"{"id":2, "system_fingerprint" : {"a":1}}"#, #"{"id":2}"#),
        (#"{"a":1,"b":2,"id":3,"c":4,"d":5}"#, #"{"id":3}"#), (#"{"a":1 , "b":2}"#, "{ }"), (#"{"usage":{},"a":null}"#, #"{"usage":{}}"#),
        (
            #"{"choices":[{"x":1,"index":0,"delta":{"y":[],"content":"a","z":{}},"w":1},{"v":1}],"q":2}"#,
            #"{"choices":[{"index":0,"delta":{"content":"a"}},{}]}"#
        ),
        (
            #"{"usage":{"cost":1,"prompt_tokens":9,"prompt_tokens_details":{"host":1,"cached_tokens":2}}}"#,
            #"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":2}}}"#
        ),
        (
            #"{"choices":[{"message":{"audio":{"id":"a","path":"/x","data":""},"r\u006fle":1}}]}"#,
            #"{"choices":[{"message":{"audio":{"id":"a","data":""}}}]}"#
        ),
        (#"{"usage":{},"system_fingerprint":null}"#, #"{"usage":{},"system_fingerprint":null}"#),
    ])
    func whatIsNoCustomersCanBeCutOut(_ text: String, _ rest: String) throws {
        #expect(try told(text) == rest)
    }

    /// What OpenAI's schemas name, and what is read beside them.
    @Test(arguments: [
        (AnswerPlace.top, "id object created model choices usage error data service_tier obfuscation"),
        (.choice, "index message delta text finish_reason logprobs stop_reason matched_stop"),
        (.delta, "role content refusal tool_calls function_call annotations audio reasoning reasoning_content"),
        (.audio, "id data expires_at transcript"),
        (.usage, "prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details reasoning_tokens cached_tokens"),
        (
            .details,
            "cached_tokens audio_tokens text_tokens image_tokens video_tokens cache_write_tokens cache_creation_tokens reasoning_tokens"
                + " accepted_prediction_tokens rejected_prediction_tokens"
        ),
    ])
    func theseMembersAreTold(_ place: AnswerPlace, _ names: String) {
        for name in names.split(separator: " ") { #expect(place.tells(String(name)), "\(name)") }
        for name in ["timings", "metadata", "sglext", "weight_version", "kv_transfer_params", "prompt_token_ids", "prompt_logprobs", "token_ids", ""]
        {
            #expect(!place.tells(name))
        }
    }

    /// The event that opens a sound has its id alone. Its bytes are no measure of the tokens that made it.
    @Test(arguments: [
        (#"{"id":"a","expires_at":9}"#, false, 0), (#"{"data":""}"#, false, 0), (#"{"data":"UklGRg=="}"#, true, 0),
        (#"{"transcript":"Hi"}"#, true, 2), (#"{"data":"UklGRg==","transcript":"Hi"}"#, true, 2), ("null", false, 0),
    ])
    func soundIsContent(_ audio: String, _ isContent: Bool, _ bytes: Int) throws {
        let answer = try #require(scan(#"{"choices":[{"delta":{"audio":\#(audio)}}]}"#))
        #expect(answer.hasContent == isContent && answer.contentBytes == bytes)
    }

    /// What is empty, or null, is none.
    @Test(arguments: [
        (#"{"role":"assistant","content":"","tool_calls":null}"#, false), (#"{"reasoning":null,"reasoning_content":""}"#, false),
        (#"{"tool_calls":[]}"#, false), (#"{"reasoning":"a"}"#, true), (#"{"refusal":"a"}"#, true),
        (#"{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}"#, true),
        (#"{"function_call":{"name":"f"}}"#, true),
    ])
    func theFirstPieceOfEveryKindIsContent(_ delta: String, _ isContent: Bool) {
        #expect(scan(#"{"choices":[{"index":0,"delta":\#(delta)}]}"#)?.hasContent == isContent)
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
