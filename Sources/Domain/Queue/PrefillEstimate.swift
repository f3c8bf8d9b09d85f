/// How long a worker takes from a request to its first token, by the length of the prompt, as it was seen lately.
package enum PrefillEstimate {
    /// Prompts of 2^n to 2^(n+1) tokens share a bucket.
    package static let buckets = 24

    package static func bucket(_ promptTokens: Int) -> Int {
        min(Int.bitWidth - 1 - max(promptTokens, 1).leadingZeroBitCount, buckets - 1)
    }

    /// A moving mean over about eight requests. Microseconds; 0: nothing seen.
    package static func moved(_ mean: Int64, by sample: Int64) -> Int64 {
        mean == 0 ? max(sample, 1) : max(mean + (sample - mean) / 8, 1)
    }

    /// Microseconds for a prompt of this bucket: its own mean, or that of the next shorter one that was seen, or nothing.
    package static func microseconds(_ bucket: Int, mean: (Int) -> Int64) -> Int64 {
        for shorter in stride(from: bucket, through: 0, by: -1) {
            let known = mean(shorter)
            if known > 0 { return known }
        }
        return 0
    }
}
