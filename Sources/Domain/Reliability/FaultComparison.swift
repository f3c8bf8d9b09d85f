/// Whether what one release or worker answers is worse than what the others answer to the same customers at the same time.
///
/// It is when its share of bad answers is at least twice theirs, with at least five of them, and a one-sided test of two proportions with a pooled variance
/// says that this is hardly chance: z at least 3, which happens once in 740 looks where both are alike. Each side must have thirty answers, so that the normal
/// approximation holds; with fewer nothing is known. Answers are compared place by place, and the differences added up as Cochran, Mantel and Haenszel do: who
/// answers most where everybody fails is not worse for that. For choices, never for money: floating point is good enough.
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

        /// 0 without answers.
        var ratio: Double { total > 0 ? Double(bad) / Double(total) : 0 }

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

    /// What the suspect and the others answered side by side.
    package struct Place: Sendable, Equatable {
        package var suspect: Tally
        package var rest: Tally

        package init(_ suspect: Tally = Tally(), against rest: Tally = Tally()) {
            self.suspect = suspect
            self.rest = rest
        }
    }

    private let places: [Place]

    /// - Parameter places: Those where the suspect did not answer say nothing of it.
    package init(_ places: [Place]) {
        self.places = places.filter { $0.suspect.failures.total > 0 || $0.suspect.late.total > 0 }
    }

    package init(_ suspect: Tally, against rest: Tally) {
        self.init([Place(suspect, against: rest)])
    }

    /// Worse in failures or in first tokens; alike only where enough is known of failures.
    package var verdict: Verdict {
        let failures = Self.verdict(places.map { ($0.suspect.failures, $0.rest.failures) })
        return failures == .worse || Self.verdict(places.map { ($0.suspect.late, $0.rest.late) }) == .worse ? .worse : failures
    }

    /// In figures, for operators.
    package var text: String {
        let suspect = places.reduce(Tally()) { $0 + $1.suspect }
        let rest = places.reduce(Tally()) { $0 + $1.rest }
        return
            "\(suspect.failures.bad) of \(suspect.failures.total) answers failed and \(suspect.late.bad) of \(suspect.late.total) first tokens were late; of "
            + "others \(rest.failures.bad) of \(rest.failures.total) and \(rest.late.bad) of \(rest.late.total)"
    }

    private static func verdict(_ places: [(suspect: Share, rest: Share)]) -> Verdict {
        // Where only one side answered there is nothing to compare.
        let shared = places.filter { $0.suspect.total > 0 && $0.rest.total > 0 }
        let suspect = shared.reduce(Share()) { $0 + $1.suspect }
        let rest = shared.reduce(Share()) { $0 + $1.rest }
        guard suspect.total >= leastAnswers, rest.total >= leastAnswers else { return .unknown }
        // As many as it would have if it failed as the others do.
        let usual = shared.reduce(0.0) { $0 + Double($1.suspect.total) * $1.rest.ratio }
        guard suspect.bad >= leastBad, Double(suspect.bad) >= 2 * usual else { return .alike }
        return isSignificant(shared) ? .worse : .alike
    }

    /// z = sum(a - E) / sqrt(sum(V)): of each place the suspect's bad answers, how many of them are expected with the share r of both together, n r, and
    /// the variance n m r (1 - r) / (n + m) of its n and the others' m answers.
    private static func isSignificant(_ places: [(suspect: Share, rest: Share)]) -> Bool {
        var (difference, variance) = (0.0, 0.0)
        for (suspect, rest) in places {
            let (all, count, others) = (suspect + rest, Double(suspect.total), Double(rest.total))
            difference += Double(suspect.bad) - count * all.ratio
            variance += count * others * all.ratio * (1 - all.ratio) / (count + others)
        }
        return difference > 0 && difference * difference >= 9 * variance
    }
}
