package import Cryptography

/// The trees that hold a month of a contract, and how far each was when something was computed from it.
package struct EvidenceRoots: Sendable, Equatable {
    package struct Tree: Sendable, Equatable {
        package let month: BillingPeriod
        package let leaves: Int
        package let root: SHA256Digest

        package init(month: BillingPeriod, leaves: Int, root: SHA256Digest) {
            self.month = month
            self.leaves = leaves
            self.root = root
        }
    }

    /// In the order of their months.
    package let trees: [Tree]
    /// False: leaves were still missing, so that what was computed may rest on minutes that are not fixed.
    package let isComplete: Bool

    package init(trees: [Tree], isComplete: Bool) {
        self.trees = trees
        self.isComplete = isComplete
    }

    /// Such as `2026-06:43200:<root>`, with `open` before what was not complete.
    package var text: String {
        ((isComplete ? [] : ["open"]) + trees.map { "\($0.month):\($0.leaves):\($0.root)" }).joined(separator: ",")
    }

    /// Reads exactly what `text` gives.
    package init?(_ text: String) {
        var parts = text.split(separator: ",").map(String.init)
        isComplete = parts.first != "open"
        if !isComplete { parts.removeFirst() }
        var trees: [Tree] = []
        for part in parts {
            let fields = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3, let month = BillingPeriod(fields[0]), let leaves = Int(fields[1]), leaves >= 0,
                let root = SHA256Digest(hex: fields[2])
            else { return nil }
            trees.append(Tree(month: month, leaves: leaves, root: root))
        }
        self.trees = trees
        guard self.text == text else { return nil }
    }
}

/// Which minutes of which trees prove a month of contracts. A month in another zone than UTC begins or ends in a neighbour's tree, of which as many
/// whole UTC days are needed as it reaches into: roots are logged at the end of each UTC day.
package enum EvidenceSpan {
    package struct Part: Sendable, Equatable {
        /// Of the tree.
        package let month: BillingPeriod
        package let minutes: Range<Int64>
    }

    private static let day: Int64 = 1_440

    /// The month's own tree in whole, and of its neighbours what the ranges need, in the order of time.
    package static func parts(of month: BillingPeriod, covering ranges: [Range<Int64>]) -> [Part] {
        let own = month.minutes
        let first = ranges.map(\.lowerBound).min() ?? own.lowerBound
        let end = ranges.map(\.upperBound).max() ?? own.upperBound
        var parts = [Part(month: month, minutes: own)]
        if first < own.lowerBound {
            let before = BillingPeriod(microseconds: month.start - 1)
            parts.insert(Part(month: before, minutes: max(before.minutes.lowerBound, floor(first))..<own.lowerBound), at: 0)
        }
        if end > own.upperBound {
            let after = BillingPeriod(microseconds: month.end)
            parts.append(Part(month: after, minutes: own.upperBound..<min(after.minutes.upperBound, -floor(-end))))
        }
        return parts
    }

    private static func floor(_ minute: Int64) -> Int64 { (minute >= 0 ? minute / day : -((-minute + day - 1) / day)) * day }
}
