import HTTPWire
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct UsageTests {
    private func records(_ answer: String, _ body: String = Samples.request) async throws -> (UsageRecord, clamped: String?) {
        let runtime = try await ScriptedRuntime { _, _ in [.send(answer)] }
        var clamped: String?
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            clamped = gateway.metric("plimsoll_gateway_usage_clamped_total")
        }
        return (try #require(records.first), clamped)
    }

    @Test func whatAHostReportsIsBilledUpToWhatIsPossible() async throws {
        let greedy = Samples.answer.replacing(#""prompt_tokens":9,"completion_tokens":3"#, with: #""prompt_tokens":99999,"completion_tokens":99999"#)
        let (record, clamped) = try await records(Answers.json(greedy))
        #expect(record.billableCompletionTokens == 100)
        #expect((60...600).contains(record.billablePromptTokens))
        #expect(record.estimated)
        #expect(clamped == "1")
    }

    @Test func aHostCannotBillTenTimesThePrompt() async throws {
        let words = String(repeating: "some words ", count: 100)
        let body = Samples.request.replacing("hi", with: words)
        let (record, _) = try await records(
            Answers.json(Samples.answer.replacing(#""prompt_tokens":9,"#, with: #""prompt_tokens":2750,"#)), body)
        #expect((550...1200).contains(record.billablePromptTokens) && record.estimated)
    }

    @Test(arguments: [false, true])
    func theCustomerIsToldWhatIsBilled(_ streams: Bool) async throws {
        let honest = #""prompt_tokens":9,"#, greedy = #""prompt_tokens":99999,"#
        let sent =
            streams
            ? Samples.wholeStream.replacing(
                Samples.usage,
                with: Answers.event(
                    #"{"model":"m","choices":[],"usage":{"prompt_tokens":99999,"completion_tokens":2}}"#))
            : Answers.json(Samples.answer.replacing(honest, with: greedy))
        let runtime = try await ScriptedRuntime { _, _ in [.send(sent)] }
        var told = ""
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(
                streams
                    ? Samples.stream.replacing(#""stream":true"#, with: #""stream":true,"stream_options":{"include_usage":true}"#) : Samples.request)
            told = try await client.answer()
        }
        let billed = try #require(records.first?.billablePromptTokens)
        #expect(billed < 1000)
        #expect(told.contains(#""prompt_tokens":\#(billed),"#) && !told.contains("99999"))
    }

    @Test func whatIsPossibleIsBilledAsReported() async throws {
        let (record, clamped) = try await records(Answers.json(Samples.answer))
        #expect(record.billablePromptTokens == 9 && record.billableCompletionTokens == 3 && !record.estimated)
        #expect(clamped == "0")
    }

    @Test func anAnswerWithoutNumbersIsCountedByItsText() async throws {
        for usage in ["{}", #"{"prompt_tokens":null}"#] {
            let bare = Samples.answer.replacing(#"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}"#, with: usage)
            let (record, _) = try await records(Answers.json(bare))
            // "hello" is five bytes.
            #expect(record.billableCompletionTokens == 2 && record.billablePromptTokens > 0 && record.estimated)
        }
    }

    @Test func aStreamWithoutNumbersIsCountedByItsEvents() async throws {
        let empty = Answers.event(#"{"model":"m","choices":[],"usage":{}}"#)
        let stream = Answers.streamHead + Samples.token("a") + Samples.token("b") + Samples.stop + empty + Samples.done + Answers.streamEnd
        let (record, _) = try await records(stream, Samples.stream)
        #expect(record.billableCompletionTokens == 2 && record.billablePromptTokens > 0 && record.estimated)
    }

    @Test func detailsAreNeverMoreThanTheirWhole() {
        var usage = ReportedUsage()
        (usage.promptTokens, usage.completionTokens, usage.cachedPromptTokens, usage.reasoningTokens) = (10, 20, 15, 25)
        var tokens = AnswerTokens()
        tokens.take(usage, isFinal: true)
        let metered = tokens.metered(within: UsageBound(prompt: 8, completion: 30), delivered: 1, estimatedPrompt: 5, isWhole: true)
        var expected = MeteredTokens(prompt: 8, completion: 20)
        (expected.cached, expected.reasoning, expected.isEstimated, expected.isClamped) = (8, 20, true, true)
        #expect(metered == expected)
    }
}
