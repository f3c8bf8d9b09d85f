/// Whether what one release or worker answers is worse than what the others answer to the same customers at the same time.
///
/// It is when its share of bad answers is at least twice theirs, with at least five of them, and a one-sided test of two proportions with a pooled variance
/// says that this is hardly chance: z at least 3, which happens once in 740 looks where both are alike. Each side must have thirty answers, so that the normal
/// approximation holds; with fewer nothing is known. The comparison is exact, in integers.
package struct FaultComparison: Sendable, Equatable {
    package enum Verdict: Sendable {
        case worse
        case alike
        /// Too few answers.
        case unknown
    }

    /// Answers, and of them the bad ones.
    package struct Share: Sendable, Equatable {
        package var bad: Int64
        package var total: Int64

        package init(bad: Int64 = 0, total: Int64 = 0) {
            self.bad = bad
            self.total = total
        }

        /// The same share of at most ten million, so that products fit; a larger number proves no more.
        var bounded: Share {
            let most: Int64 = 10_000_000
            return total <= most ? self : Share(bad: Int64(Int128(bad) * Int128(most) / Int128(total)), total: most)
        }

        package static func + (left: Share, right: Share) -> Share { Share(bad: left.bad + right.bad, total: left.total + right.total) }

        package static func - (left: Share, right: Share) -> Share { Share(bad: left.bad - right.bad, total: left.total - right.total) }
    }

    /// Failed answers, and first tokens that were later than the tier is sold with.
    package struct Tally: Sendable, Equatable {
        package var failures: Share
        package var late: Share

        package init(failures: Share = Share(), late: Share = Share()) {
            self.failures = failures
            self.late = late
        }

        package static func + (left: Tally, right: Tally) -> Tally {
            Tally(failures: left.failures + right.failures, late: left.late + right.late)
        }

        package static func - (left: Tally, right: Tally) -> Tally {
            Tally(failures: left.failures - right.failures, late: left.late - right.late)
        }
    }

    package static let leastAnswers: Int64 = 30
    package static let leastBad: Int64 = 5

    package let suspect: Tally
    package let rest: Tally

    package init(_ suspect: Tally, against rest: Tally) {
        self.suspect = suspect
        self.rest = rest
    }

    /// Worse in failures or in first tokens; alike only where enough is known of failures.
    package var verdict: Verdict {
        let failures = Self.verdict(suspect.failures, rest.failures)
        return failures == .worse || Self.verdict(suspect.late, rest.late) == .worse ? .worse : failures
    }

    /// In figures, for operators.
    package var text: String {
        "\(suspect.failures.bad) of \(suspect.failures.total) answers failed and \(suspect.late.bad) of \(suspect.late.total) first tokens were late; of "
            + "others \(rest.failures.bad) of \(rest.failures.total) and \(rest.late.bad) of \(rest.late.total)"
    }

    private static func verdict(_ suspect: Share, _ rest: Share) -> Verdict {
        guard suspect.total >= leastAnswers, rest.total >= leastAnswers else { return .unknown }
        guard suspect.bad >= leastBad, Int128(suspect.bad) * Int128(rest.total) >= 2 * Int128(rest.bad) * Int128(suspect.total) else { return .alike }
        return isSignificant(suspect, rest) ? .worse : .alike
    }

    /// z = (p - q) / sqrt(r (1 - r) (1/n + 1/m)) with the share r of both together, squared and without fractions.
    private static func isSignificant(_ suspect: Share, _ rest: Share) -> Bool {
        let (suspect, rest) = (suspect.bounded, rest.bounded)
        let (bad, total) = (Int128(suspect.bad + rest.bad), Int128(suspect.total + rest.total))
        let difference = Int128(suspect.bad) * Int128(rest.total) - Int128(rest.bad) * Int128(suspect.total)
        guard difference > 0 else { return false }
        return difference * difference * total >= 9 * Int128(suspect.total) * Int128(rest.total) * bad * (total - bad)
    }
}
