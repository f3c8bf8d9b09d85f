/// What rules find wrong with an answer without anybody reading it.
package enum AnswerFailure: String, Sendable, CaseIterable {
    /// It says nothing and calls nothing.
    case empty
    /// It ended in its middle: its stream broke, or a cap ended it that the customer had not set.
    case cutOff = "cut_off"
    /// JSON was asked for, and its text is none.
    case notJSON = "not_json"
    /// A call of a tool was asked for, and none came.
    case noCall = "no_call"
    /// A tool was called with arguments that are no JSON.
    case brokenArguments = "broken_arguments"
    /// It says the same again and again at its end.
    case repeats
    /// Characters that no text has: controls, replacements, letters that were decoded twice.
    case garbled
}

/// What a sample of the answers of one hour is worth that were served under one fallback. Sums alone: nothing of what they said.
package struct FallbackScore: Sendable, Codable, Equatable {
    /// Id of the mitigation.
    package var mitigation: String
    /// That answered.
    package var model: String
    package var tier: String
    /// Of the gateway.
    package var region: String
    /// Hours since 1970 in which they ended.
    package var hour: Int64
    package var answers: Int64
    /// Of their scores, parts per million each.
    package var scorePpm: Int64
    /// Answers by `AnswerFailure`; one may have several.
    package var failures: [String: Int64]

    package init(
        mitigation: String, model: String, tier: String, region: String, hour: Int64, answers: Int64, scorePpm: Int64, failures: [String: Int64] = [:]
    ) {
        self.mitigation = mitigation
        self.model = model
        self.tier = tier
        self.region = region
        self.hour = hour
        self.answers = answers
        self.scorePpm = scorePpm
        self.failures = failures
    }
}

/// Sums that add to what was told before. A batch that is told again has its number again, and counts once.
package struct AnswerScoreBatch: Sendable, Codable, Equatable {
    /// Sums in a batch.
    package static let most = 500

    /// Which start of the gateway tells it.
    package var boot: String
    /// From 1 within a boot; the next is told when this one has been taken.
    package var sequence: Int64
    package var scores: [FallbackScore]

    package init(boot: String, sequence: Int64, scores: [FallbackScore]) {
        self.boot = boot
        self.sequence = sequence
        self.scores = scores
    }
}
