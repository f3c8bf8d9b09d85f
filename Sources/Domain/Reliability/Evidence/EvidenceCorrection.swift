package import Cryptography

/// What a minute was found to be after its leaf was fixed. The leaf stays; the newest correction counts.
package struct EvidenceCorrection: Sendable, Equatable {
    /// From 1 in the order of their finding, within a tenant's month.
    package let number: Int
    package let leaf: MinuteLeaf

    package init(number: Int, leaf: MinuteLeaf) {
        self.number = number
        self.leaf = leaf
    }

    /// Reads exactly what `line` gives.
    package init?(line: String) {
        let fields = line.split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 3, let number = Int(fields[1]), let leaf = MinuteLeaf(fields[2]) else { return nil }
        self.init(number: number, leaf: leaf)
        guard self.line == line else { return nil }
    }

    package var line: String { "correction|\(number)|\(leaf.text)" }

    /// What the public log holds of it.
    package var digest: SHA256Digest { Hash.sha256(line) }
}
