/// What an attempt adds to the load of its worker, and what it shows of the worker's pace. Times are microseconds of the monotonic clock.
struct AttemptWork {
    /// Of the prompt those that the worker must read.
    private let promptTokens: Int
    /// That the answer is likely to have.
    private let outputTokens: Int
    /// Tokens of prompts before the worker when this one was added.
    private var queuedTokens = 0
    private var startedAt: Int64 = 0
    private(set) var firstTokenAt: Int64?
    private var lastTokenAt: Int64 = 0
    private var longestGap: Int64 = 0
    private var isStalled = false

    init(promptTokens: Int, outputTokens: Int) {
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
    }

    mutating func begin(_ tally: WorkerTally, now: Int64) {
        tally.begin(promptTokens: promptTokens, outputTokens: outputTokens)
        queuedTokens = tally.promptTokens
        startedAt = now
    }

    /// One token or more has come.
    mutating func token(_ tally: WorkerTally, now: Int64) {
        if firstTokenAt == nil {
            firstTokenAt = now
            tally.readPrompt(promptTokens)
            tally.learnFirstToken(after: now - startedAt, tokens: queuedTokens)
            tally.beginStream()
        } else {
            longestGap = max(longestGap, now - lastTokenAt)
        }
        lastTokenAt = now
        move(tally)
    }

    /// The client takes again what it had left waiting: the worker was not heard meanwhile.
    mutating func resume(now: Int64) { lastTokenAt = max(lastTokenAt, now) }

    /// Tells the worker when this stream has stood still for far longer than usual.
    mutating func look(_ tally: WorkerTally, now: Int64) {
        guard firstTokenAt != nil, !isStalled, now - lastTokenAt > tally.stallTime else { return }
        isStalled = true
        tally.stall()
    }

    /// - Parameter tokens: Of a stream that is complete; nil of any other attempt.
    mutating func end(_ tally: WorkerTally, tokens: Int?) {
        move(tally)
        tally.finish(outputTokens: outputTokens)
        guard let firstTokenAt else { return tally.readPrompt(promptTokens) }
        tally.endStream()
        if let tokens { tally.learnAnswer(tokens: tokens, after: lastTokenAt - firstTokenAt, longestGap: longestGap) }
    }

    private mutating func move(_ tally: WorkerTally) {
        guard isStalled else { return }
        isStalled = false
        tally.unstall()
    }
}
