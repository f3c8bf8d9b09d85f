/// How fast a worker works, as its answers show.
package struct WorkerPace: Sendable, Equatable {
    /// What is assumed of a worker before its first answer: 5,000 prompt tokens and, in one stream, 50 tokens a second.
    package static let usual = WorkerPace(prefillNanoseconds: 200_000, interTokenMicroseconds: 20_000)

    /// For each prompt token that is not in its cache.
    package var prefillNanoseconds: Int64
    /// From one token of a stream to the next.
    package var interTokenMicroseconds: Int64

    package init(prefillNanoseconds: Int64, interTokenMicroseconds: Int64) {
        self.prefillNanoseconds = prefillNanoseconds
        self.interTokenMicroseconds = interTokenMicroseconds
    }

    /// A mean that follows the last eight or so samples; 0 is no mean yet.
    package static func smoothed(_ mean: Int64, _ sample: Int64) -> Int64 {
        mean == 0 ? sample : mean + (sample - mean) / 8
    }
}

/// Work that a worker has before it, in tokens.
package struct WorkerBacklog: Sendable, Equatable {
    /// Of prompts whose first token has not come.
    package var promptTokens: Int
    /// That running answers are likely to have still.
    package var outputTokens: Int
    /// Requests that it can serve at once, at least 1.
    package var slots: Int
    /// Share of the KV cache in use, thousandths; nil when the runtime does not say.
    package var kvUsedPermille: Int?

    package init(promptTokens: Int, outputTokens: Int, slots: Int, kvUsedPermille: Int? = nil) {
        self.promptTokens = promptTokens
        self.outputTokens = outputTokens
        self.slots = slots
        self.kvUsedPermille = kvUsedPermille
    }
}

/// What sending a request to a worker costs, in microseconds of that worker's time (reference, runtimes-and-agents section 7).
package enum LoadCost {
    // Hosts are not trusted: what they claim and how they behave must not end the gateway by an overflow. Products of these fit, and all are far beyond what is.
    private static let mostTokens = 1 << 30
    private static let mostPace: Int64 = 1 << 32
    private static let mostMicroseconds: Int64 = 1 << 54

    /// Prompts are worked on one after the other, answers side by side in its slots. A cache that is more than eight tenths full counts half
    /// as much again for each tenth above, because a full one pre-empts running requests.
    ///
    /// - Parameter uncachedTokens: Of the request's prompt, those that are not in the worker's prefix cache.
    package static func microseconds(_ backlog: WorkerBacklog, _ pace: WorkerPace, uncachedTokens: Int) -> Int64 {
        let prompts = tokens(max(backlog.promptTokens, 0) + max(uncachedTokens, 0)) * min(pace.prefillNanoseconds, mostPace) / 1000
        let answers = tokens(backlog.outputTokens) * min(pace.interTokenMicroseconds, mostPace) / Int64(max(backlog.slots, 1))
        let base = min(prompts + answers, mostMicroseconds)
        let pressure = Int64(max(0, min(backlog.kvUsedPermille ?? 0, 1000) - 800))
        return base + (base + 1000) * pressure / 200
    }

    private static func tokens(_ count: Int) -> Int64 { Int64(min(max(count, 0), mostTokens)) }

    /// The cost as it looks in a choice: a worker of half the weight looks twice as loaded.
    ///
    /// - Parameter weight: Parts per million.
    package static func weighted(_ microseconds: Int64, weight: Int) -> Int64 {
        // One millisecond for everybody, so that weights count among idle workers too.
        let (product, overflow) = (microseconds &+ 1000).multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : product / Int64(max(weight, 1))
    }

    /// Whether a request goes to the worker that has its prefix: unless that is dearer than the cheapest other by half and 50 ms.
    package static func keepsOwner(_ owner: Int64, against best: Int64) -> Bool {
        owner <= best.addingReportingOverflow(best / 2 + 50_000).partialValue || best > Int64.max / 2
    }

    /// Whether a prefix that nobody has goes where its hash says, so that all loops and gateways choose alike: unless that is dearer than the
    /// cheapest other by a quarter (bounded load; arXiv 1608.01350) and 5 ms.
    package static func keepsPlacement(_ placed: Int64, against best: Int64) -> Bool {
        placed <= best.addingReportingOverflow(best / 4 + 5_000).partialValue || best > Int64.max / 2
    }
}

/// How much of its weight a worker has that is fresh or has come back: a tenth at first, all of it after a minute.
package enum SlowStart {
    package static let duration: Int64 = 60_000_000

    /// - Parameters:
    ///   - since: Microseconds of the same clock as `now`; 0: it was always there.
    package static func weight(_ weight: Int, since: Int64, now: Int64) -> Int {
        guard since > 0, now - since < duration else { return weight }
        let share = max(100, (now - since) * 1000 / duration)
        return max(1, weight / 1000 * Int(share))
    }
}
