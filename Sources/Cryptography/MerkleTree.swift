/// Hashes of the tree of RFC 6962, section 2.1 (RFC 9162, section 2.1): a root stands for every leaf and for their order.
package enum MerkleTree {
    package static let emptyRoot = Hash.sha256([UInt8]())

    package static func leafHash(_ leaf: some Sequence<UInt8>) -> SHA256Digest {
        Hash.sha256([0] + Array(leaf))
    }

    package static func nodeHash(_ left: SHA256Digest, _ right: SHA256Digest) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update([1])
        hasher.update(left)
        hasher.update(right)
        return hasher.finish()
    }

    package static func root(_ leaves: ArraySlice<SHA256Digest>) -> SHA256Digest {
        var frontier = MerkleFrontier()
        for leaf in leaves { frontier.append(leaf) }
        return frontier.root
    }

    /// Hashes that lead from a leaf to the root, from the bottom up. The index must be one of a leaf.
    package static func inclusionPath(_ index: Int, _ leaves: ArraySlice<SHA256Digest>) -> [SHA256Digest] {
        precondition(index >= 0 && index < leaves.count, "no such leaf")
        guard leaves.count > 1 else { return [] }
        let (left, right) = halves(leaves)
        return index < left.count
            ? inclusionPath(index, left) + [root(right)] : inclusionPath(index - left.count, right) + [root(left)]
    }

    /// Whether the path leads from this leaf, at this index among so many, to the root (RFC 9162, section 2.1.3.2).
    package static func isIncluded(_ leaf: SHA256Digest, at index: Int, of count: Int, path: [SHA256Digest], root: SHA256Digest) -> Bool {
        guard index >= 0, index < count else { return false }
        var (place, last, hash) = (index, count - 1, leaf)
        for sibling in path {
            guard last > 0 else { return false }
            if place & 1 == 1 || place == last {
                hash = nodeHash(sibling, hash)
                if place & 1 == 0 { skipLevels(&place, &last) }
            } else {
                hash = nodeHash(hash, sibling)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        return last == 0 && hash == root
    }

    /// Hashes that show that the first `old` leaves are the beginning of all of them (RFC 6962, section 2.1.2).
    ///
    /// - Parameter old: 0 up to the number of leaves.
    package static func consistencyPath(from old: Int, _ leaves: ArraySlice<SHA256Digest>) -> [SHA256Digest] {
        precondition(old >= 0 && old <= leaves.count, "an older tree is no larger")
        return old == 0 || old == leaves.count ? [] : subproof(old, leaves, isWhole: true)
    }

    private static func subproof(_ old: Int, _ leaves: ArraySlice<SHA256Digest>, isWhole: Bool) -> [SHA256Digest] {
        guard old < leaves.count else { return isWhole ? [] : [root(leaves)] }
        let (left, right) = halves(leaves)
        return old <= left.count
            ? subproof(old, left, isWhole: isWhole) + [root(right)] : subproof(old - left.count, right, isWhole: false) + [root(left)]
    }

    /// Whether the path shows that the tree of `old` leaves is the beginning of that of `new` (RFC 9162, section 2.1.4.2).
    package static func isConsistent(
        old: Int, _ oldRoot: SHA256Digest, new: Int, _ newRoot: SHA256Digest, path: [SHA256Digest]
    ) -> Bool {
        guard old >= 0, old <= new else { return false }
        if old == new { return path.isEmpty && oldRoot == newRoot }
        if old == 0 { return path.isEmpty && oldRoot == emptyRoot }
        var hashes = path[...]
        // A whole older tree is its own first hash.
        if old & (old - 1) == 0 { hashes = [oldRoot] + hashes }
        guard let first = hashes.popFirst() else { return false }
        var (place, last, before, after) = (old - 1, new - 1, first, first)
        while place & 1 == 1 { (place, last) = (place >> 1, last >> 1) }
        for hash in hashes {
            guard last > 0 else { return false }
            if place & 1 == 1 || place == last {
                (before, after) = (nodeHash(hash, before), nodeHash(hash, after))
                if place & 1 == 0 { skipLevels(&place, &last) }
            } else {
                after = nodeHash(after, hash)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        return last == 0 && before == oldRoot && after == newRoot
    }

    /// The last node of a level without a sibling is that of the level above.
    private static func skipLevels(_ place: inout Int, _ last: inout Int) {
        while place & 1 == 0, place != 0 { (place, last) = (place >> 1, last >> 1) }
    }

    /// The left one has as many leaves as the greatest power of two below all.
    private static func halves(_ leaves: ArraySlice<SHA256Digest>) -> (ArraySlice<SHA256Digest>, ArraySlice<SHA256Digest>) {
        let size = 1 << (Int.bitWidth - 1 - (leaves.count - 1).leadingZeroBitCount)
        return (leaves.prefix(size), leaves.dropFirst(size))
    }
}

/// A tree that grows leaf by leaf, as the few hashes that its root follows from: memory grows with the logarithm of the leaves.
package struct MerkleFrontier: Sendable, Equatable {
    package private(set) var count = 0
    /// Roots of whole trees, the largest first, one for each bit of the count.
    package private(set) var peaks: [SHA256Digest] = []

    package init() {}

    /// One that was stored; nil unless there is a peak for each bit of the count.
    package init?(count: Int, peaks: [SHA256Digest]) {
        guard count >= 0, count.nonzeroBitCount == peaks.count else { return nil }
        self.count = count
        self.peaks = peaks
    }

    /// - Parameter completed: Hears of each subtree that is whole with this leaf, the leaf first.
    package mutating func append(_ leaf: SHA256Digest, completed: (MerkleNode, SHA256Digest) -> Void = { _, _ in }) {
        var (hash, rest, level) = (leaf, count, 0)
        completed(MerkleNode(level: 0, index: count), leaf)
        while rest & 1 == 1, let left = peaks.popLast() {
            hash = MerkleTree.nodeHash(left, hash)
            rest >>= 1
            level += 1
            completed(MerkleNode(level: level, index: count >> level), hash)
        }
        peaks.append(hash)
        count += 1
    }

    package var root: SHA256Digest {
        guard let last = peaks.last else { return MerkleTree.emptyRoot }
        return peaks.dropLast().reversed().reduce(last) { MerkleTree.nodeHash($1, $0) }
    }
}
