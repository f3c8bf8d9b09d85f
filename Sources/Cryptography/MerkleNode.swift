/// A whole subtree of 2^level leaves, counted from the left. A log that keeps the hash of each proves anything with a few of them.
package struct MerkleNode: Sendable, Hashable {
    package let level: Int
    package let index: Int

    package init(level: Int, index: Int) {
        self.level = level
        self.index = index
    }

    /// The whole subtrees that a stretch of leaves consists of, from the left. The stretch is one that a proof of RFC 6962 speaks of: it
    /// begins at a multiple of its greatest subtree.
    package static func cover(_ leaves: Range<Int>) -> [MerkleNode] {
        var nodes: [MerkleNode] = []
        var start = leaves.lowerBound
        while start < leaves.upperBound {
            let level = Int.bitWidth - 1 - (leaves.upperBound - start).leadingZeroBitCount
            nodes.append(MerkleNode(level: level, index: start >> level))
            start += 1 << level
        }
        return nodes
    }
}

/// What a proof consists of, as stretches of leaves whose hashes it is (RFC 6962, section 2.1), for trees that are not in memory.
package enum MerkleProof {
    /// From the bottom up, as `MerkleTree.inclusionPath`.
    package static func inclusion(_ index: Int, of count: Int) -> [Range<Int>] {
        precondition(index >= 0 && index < count, "no such leaf")
        var (all, path): (Range<Int>, [Range<Int>]) = (0..<count, [])
        while all.count > 1 {
            let middle = split(all)
            path.append(index < middle ? middle..<all.upperBound : all.lowerBound..<middle)
            all = index < middle ? all.lowerBound..<middle : middle..<all.upperBound
        }
        return path.reversed()
    }

    /// As `MerkleTree.consistencyPath`.
    package static func consistency(from old: Int, to new: Int) -> [Range<Int>] {
        precondition(old >= 0 && old <= new, "an older tree is no larger")
        guard old > 0, old < new else { return [] }
        var (all, path): (Range<Int>, [Range<Int>]) = (0..<new, [])
        while all.upperBound > old {
            let middle = split(all)
            path.append(old <= middle ? middle..<all.upperBound : all.lowerBound..<middle)
            all = old <= middle ? all.lowerBound..<middle : middle..<all.upperBound
        }
        // What is left is the older tree itself, whose root the asker knows.
        if all.lowerBound > 0 { path.append(all) }
        return path.reversed()
    }

    /// Hash of a stretch from those of its whole subtrees; nil when one is not known.
    package static func hash(_ leaves: Range<Int>, _ known: (MerkleNode) -> SHA256Digest?) -> SHA256Digest? {
        var hashes: [SHA256Digest] = []
        for node in MerkleNode.cover(leaves) {
            guard let hash = known(node) else { return nil }
            hashes.append(hash)
        }
        guard let last = hashes.popLast() else { return MerkleTree.emptyRoot }
        return hashes.reversed().reduce(last) { MerkleTree.nodeHash($1, $0) }
    }

    private static func split(_ leaves: Range<Int>) -> Int {
        leaves.lowerBound + 1 << (Int.bitWidth - 1 - (leaves.count - 1).leadingZeroBitCount)
    }
}
