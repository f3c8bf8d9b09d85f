/// What the freeze state "caution" asks of changes that move traffic: a small share first, for a while, without harm (reference, section 2.4).
package enum CanaryRule {
    /// Something that takes a share of the traffic of its group: a release of its model's, a pool of its region's.
    package struct Subject: Sendable, Equatable {
        package var group: String
        package var name: String
        /// In relation to the others of its group.
        package var weight: Int64
        /// For which it has had the weight.
        package var seconds: Int64
        /// That the ledger says it caused since.
        package var badMinutes: Int64

        package init(group: String, name: String, weight: Int64, seconds: Int64 = 0, badMinutes: Int64 = 0) {
            self.group = group
            self.name = name
            self.weight = weight
            self.seconds = seconds
            self.badMinutes = badMinutes
        }
    }

    /// Most share of a canary, in parts of a million.
    package static let mostPpm: Int64 = 100_000
    /// As long as a bad minute after a change is taken for its effect.
    package static let leastSeconds: Int64 = 1_800

    /// Who would come to more than a canary's share without having served as one. Where nobody served before, nothing is put at risk.
    package static func unproven(before: [Subject], after: [Subject]) -> [Subject] {
        let (was, will) = (totals(before), totals(after))
        return after.filter { subject in
            guard let old = was[subject.group], old > 0, isAbove(subject.weight, of: will[subject.group] ?? 0) else { return false }
            guard let known = before.first(where: { $0.group == subject.group && $0.name == subject.name }), known.weight > 0 else { return true }
            return !isAbove(known.weight, of: old) && (known.seconds < leastSeconds || known.badMinutes > 0)
        }
    }

    private static func totals(_ subjects: [Subject]) -> [String: Int64] {
        subjects.reduce(into: [:]) { $0[$1.group, default: 0] += $1.weight }
    }

    private static func isAbove(_ weight: Int64, of total: Int64) -> Bool {
        total > 0 && Int128(weight) * 1_000_000 > Int128(mostPpm) * Int128(total)
    }
}
