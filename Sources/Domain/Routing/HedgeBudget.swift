/// How many requests may be asked a second time because their first token is late: a share of the requests of the last minutes, and as small
/// a share of their prompt tokens, which are what a hedge costs.
package struct HedgeBudget: Sendable {
    private static let window: Int64 = 60_000_000

    private var requests = 0.0
    private var promptTokens = 0.0
    private var hedges = 0.0
    private var hedgedTokens = 0.0
    private var lastDecay: Int64

    /// - Parameter now: Microseconds of a monotonic clock, as everywhere in this type.
    package init(now: Int64) {
        lastDecay = now
    }

    package mutating func noteRequest(promptTokens tokens: Int, now: Int64) {
        decay(now)
        requests += 1
        promptTokens += Double(tokens)
    }

    /// Takes one hedge out of the budget; false when requests or tokens are spent.
    ///
    /// - Parameter share: Parts per million of requests and of prompt tokens.
    package mutating func take(promptTokens tokens: Int, share: Int, now: Int64) -> Bool {
        decay(now)
        let part = Double(share) / 1_000_000
        guard hedges + 1 <= requests * part, hedgedTokens + Double(tokens) <= promptTokens * part else { return false }
        hedges += 1
        hedgedTokens += Double(tokens)
        return true
    }

    /// One that was taken was not sent.
    package mutating func giveBack(promptTokens tokens: Int) {
        hedges = max(hedges - 1, 0)
        hedgedTokens = max(hedgedTokens - Double(tokens), 0)
    }

    /// What is a minute old counts half.
    private mutating func decay(_ now: Int64) {
        guard now - lastDecay >= Self.window else { return }
        let halvings = min((now - lastDecay) / Self.window, 40)
        let factor = 1 / Double(Int64(1) << halvings)
        requests *= factor
        promptTokens *= factor
        hedges *= factor
        hedgedTokens *= factor
        lastDecay += halvings * Self.window
    }
}

/// When a first token is late: after the 95th percentile of recent first tokens of prompts of about the same length.
package struct FirstTokenTimes: Sendable {
    /// Below this many samples nothing is late.
    private static let leastSamples: Int32 = 40
    /// Counts are halved above it, so that old ones fade.
    private static let mostSamples: Int32 = 2_000
    /// Buckets of time are a fifth of an octave wide, from 1 ms to 1,000 s.
    private static let steps = 100
    private static let lengths = 12

    private var counts = [Int32](repeating: 0, count: lengths * steps)
    private var totals = [Int32](repeating: 0, count: lengths)
    private var ninetyFifths = [Int64](repeating: 0, count: lengths)

    package init() {}

    /// - Parameter after: Microseconds.
    package mutating func note(promptTokens: Int, after: Int64) {
        let length = Self.length(promptTokens)
        counts[length * Self.steps + Self.step(after)] += 1
        totals[length] += 1
        if totals[length] > Self.mostSamples { fade(length) }
        if totals[length] >= Self.leastSamples, totals[length] % 16 == 0 { settle(length) }
    }

    /// Microseconds; nil while too little is known.
    package func late(promptTokens: Int) -> Int64? {
        let value = ninetyFifths[Self.length(promptTokens)]
        return value == 0 ? nil : value
    }

    private static func length(_ tokens: Int) -> Int {
        let bits = Int.bitWidth - max(tokens, 1).leadingZeroBitCount
        return min(max(bits - 6, 0), lengths - 1)
    }

    /// Five steps to an octave of milliseconds.
    private static func step(_ microseconds: Int64) -> Int {
        let value = max(microseconds / 1000, 1)
        let octave = 63 - value.leadingZeroBitCount
        let within = Int(((value - (Int64(1) << octave)) * 5) >> octave)
        return min(octave * 5 + within, steps - 1)
    }

    /// The upper end of a step.
    private static func end(_ step: Int) -> Int64 {
        let octave = Int64(1) << (step / 5)
        return (octave + octave * Int64(step % 5 + 1) / 5) * 1000
    }

    private mutating func fade(_ length: Int) {
        totals[length] = 0
        for at in length * Self.steps..<(length + 1) * Self.steps {
            counts[at] /= 2
            totals[length] += counts[at]
        }
    }

    private mutating func settle(_ length: Int) {
        var above = totals[length] / 20
        for step in stride(from: Self.steps - 1, through: 0, by: -1) {
            above -= counts[length * Self.steps + step]
            if above < 0 {
                ninetyFifths[length] = Self.end(step)
                return
            }
        }
    }
}
