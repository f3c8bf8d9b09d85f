import HTTPWire
import Testing

@testable import Gateway

@Suite struct AnswerTokensTests {
    private func usage(_ prompt: Int, _ completion: Int) -> ReportedUsage {
        var usage = ReportedUsage()
        (usage.promptTokens, usage.completionTokens) = (prompt, completion)
        return usage
    }

    @Test func runningCountsOfOneAnswerDoNotAddUp() {
        var tokens = AnswerTokens()
        for count in 1...5 { tokens.take(usage(9, count), isFinal: false, choice: 0) }
        #expect(tokens.prompt == 9 && tokens.completion == 5)
    }

    @Test func runningCountsOfSeveralAnswersAddUpByAnswer() {
        var tokens = AnswerTokens(answers: 2)
        for (choice, count) in [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3)] { tokens.take(usage(9, count), isFinal: false, choice: choice) }
        #expect(tokens.prompt == 9 && tokens.completion == 5)
    }

    @Test func aReportThatStandsAloneWins() {
        var tokens = AnswerTokens(answers: 2)
        tokens.take(usage(9, 3), isFinal: false, choice: 0)
        tokens.take(usage(9, 3), isFinal: false, choice: 1)
        tokens.take(usage(9, 7), isFinal: true)
        #expect(tokens.prompt == 9 && tokens.completion == 7)
    }

    @Test func aReportThatIsRepeatedCountsOnce() {
        var one = AnswerTokens()
        for count in [7, 3] { one.take(usage(9, count), isFinal: true) }
        #expect(one.prompt == 9 && one.completion == 3, "the last one of one answer")
        var two = AnswerTokens(answers: 2)
        for _ in 0..<5 { two.take(usage(9, 3), isFinal: true) }
        #expect(two.prompt == 9 && two.completion == 6, "one for each of several")
    }

    @Test func eachPromptCountsOnceHoweverOftenItIsAnswered() {
        var tokens = AnswerTokens(answers: 4, prompts: 2)
        for (choice, prompt) in [(0, 10), (1, 10), (2, 30), (3, 30)] { tokens.take(usage(prompt, 1), isFinal: false, choice: choice) }
        #expect(tokens.prompt == 40 && tokens.completion == 4)
    }

    @Test func answersThatWereNotAskedForDoNotCount() {
        var tokens = AnswerTokens(answers: 2)
        for choice in 0..<50 { tokens.take(usage(9, 3), isFinal: false, choice: choice) }
        #expect(tokens.completion == 6)
    }

    @Test func whatWasSentCountsWhileOneOfSeveralAnswersIsUnreported() {
        var tokens = AnswerTokens(answers: 2)
        tokens.take(usage(9, 3), isFinal: false, choice: 1)
        let bound = UsageBound(prompt: 100, completion: 100)
        #expect(tokens.metered(within: bound, delivered: 8, estimatedPrompt: 5, isWhole: false).completion == 8)
    }

    @Test(arguments: [
        ("some plain words", 8), ("0123456789", 10), ("{\"\":[]}", 7), ("日本", 6), ("ABab", 3),
        ("`az{ A\u{80}\u{FF}@ z", 11),
    ])
    func aPromptIsBoundedByItsBytes(_ text: String, _ tokens: Int) {
        let bound = Array(text.utf8).withUnsafeBytes { UsageBound(body: $0, messages: 2, completion: 7) }
        #expect(bound.prompt == tokens + 512 + 32 && bound.completion == 7)
    }

    /// Long texts are counted in blocks; every byte there is stands in them once, at each place of a block.
    @Test func everyByteOfALongPromptCountsAlike() {
        var bytes = (0..<128).flatMap { _ in UInt8.min...UInt8.max } + Array("and some".utf8)
        for _ in 0..<128 {
            let light = bytes.count { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: " ") }
            #expect(bytes.withUnsafeBytes { UsageBound.mostTokens($0) } == bytes.count - light / 2)
            bytes.removeFirst()
        }
    }
}
