import Testing

@testable import Cryptography

@Suite struct MerkleTreeTests {
    private static func leaves(_ count: Int) -> [SHA256Digest] { (0..<count).map { MerkleTree.leafHash("leaf \($0)".utf8) } }

    /// As RFC 6962 defines it, without a frontier.
    private static func plainRoot(_ leaves: ArraySlice<SHA256Digest>) -> SHA256Digest {
        guard leaves.count > 1, let first = leaves.indices.first else { return leaves.first ?? MerkleTree.emptyRoot }
        var size = 1
        while size * 2 < leaves.count { size *= 2 }
        return MerkleTree.nodeHash(plainRoot(leaves[..<(first + size)]), plainRoot(leaves[(first + size)...]))
    }

    @Test func theRootIsThatOfTheDefinition() {
        for count in 0...70 {
            let leaves = Self.leaves(count)
            #expect(MerkleTree.root(leaves[...]) == Self.plainRoot(leaves[...]), "\(count) leaves")
        }
    }

    @Test func everyLeafIsProvenAndNothingElseIs() {
        for count in 1...40 {
            let leaves = Self.leaves(count)
            let root = MerkleTree.root(leaves[...])
            for index in 0..<count {
                let path = MerkleTree.inclusionPath(index, leaves[...])
                #expect(MerkleTree.isIncluded(leaves[index], at: index, of: count, path: path, root: root))
                let other = (index + 1) % count
                #expect(count == 1 || !MerkleTree.isIncluded(leaves[index], at: other, of: count, path: path, root: root))
                #expect(!MerkleTree.isIncluded(MerkleTree.emptyRoot, at: index, of: count, path: path, root: root))
                #expect(!MerkleTree.isIncluded(leaves[index], at: index, of: count, path: path + [root], root: root))
                #expect(path.isEmpty || !MerkleTree.isIncluded(leaves[index], at: index, of: count, path: Array(path.dropLast()), root: root))
            }
            #expect(!MerkleTree.isIncluded(root, at: count, of: count, path: [], root: root))
        }
    }

    @Test func aTreeThatGrewIsConsistentAndOneThatChangedIsNot() {
        for new in 0...33 {
            let leaves = Self.leaves(new)
            let root = MerkleTree.root(leaves[...])
            for old in 0...new {
                let before = MerkleTree.root(leaves[..<old])
                let path = MerkleTree.consistencyPath(from: old, leaves[...])
                #expect(MerkleTree.isConsistent(old: old, before, new: new, root, path: path), "\(old) of \(new)")
                guard old > 0, old < new else { continue }
                var changed = leaves
                changed[old - 1] = MerkleTree.leafHash("another".utf8)
                let forged = MerkleTree.root(changed[...])
                #expect(!MerkleTree.isConsistent(old: old, before, new: new, forged, path: path))
                #expect(
                    !MerkleTree.isConsistent(old: old, before, new: new, forged, path: MerkleTree.consistencyPath(from: old, changed[...])),
                    "a tree whose beginning was edited has no proof")
                #expect(!MerkleTree.isConsistent(old: old, before, new: new, root, path: path + [root]))
            }
        }
    }

    @Test func aFrontierHoldsAsManyHashesAsTheCountHasBits() {
        var frontier = MerkleFrontier()
        for count in 1...1_000 {
            frontier.append(MerkleTree.leafHash("\(count)".utf8))
            #expect(frontier.peaks.count == count.nonzeroBitCount)
        }
    }
}
