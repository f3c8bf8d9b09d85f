import Testing

@testable import Cryptography

@Suite struct SignedNoteTests {
    /// The example of the specification of tlog-checkpoint.
    private static let published =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        + "\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"

    @Test func thePublishedCheckpointIsReadAndWrittenAlike() throws {
        let note = try #require(SignedNote(Self.published))
        let checkpoint = try #require(LogCheckpoint(note.text))
        #expect(checkpoint.origin == "example.com/behind-the-sofa" && checkpoint.size == 20_852_163)
        #expect(note.description == Self.published && checkpoint.text == note.text)
    }

    @Test func aNoteIsOnlyItsSignersAndAnyOtherByteBreaksIt() throws {
        let key = try SigningKey(rawBytes: Array(1...32))
        let signer = try #require(NoteKey(name: "example.com/log", key: key.verifyingKey))
        let checkpoint = LogCheckpoint(origin: signer.name, size: 7, root: Hash.sha256("root"))
        let text = try checkpoint.note(signedWith: key).description
        let note = try #require(SignedNote(text))
        #expect(note.isSigned(by: signer) && LogCheckpoint(note.text) == checkpoint)
        let other = try #require(NoteKey(name: signer.name, key: SigningKey().verifyingKey))
        #expect(!note.isSigned(by: other))
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            for bit in [UInt8(1), 0x20, 0x80] {
                var changed = bytes
                changed[place] ^= bit
                let isGood = String(validating: changed, as: UTF8.self).flatMap { SignedNote($0) }?.isSigned(by: signer) ?? false
                #expect(!isGood, "byte \(place)")
            }
        }
        for broken in [text + "\n", text + text, String(text.dropLast()), "\n" + text, ""] {
            #expect(SignedNote(broken)?.isSigned(by: signer) != true)
        }
    }

    @Test func aVerifierKeyIsReadAsItIsWritten() throws {
        let key = try #require(NoteKey(name: "example.com/log", key: SigningKey().verifyingKey))
        #expect(NoteKey(key.description) == key)
        #expect(NoteKey(key.description.replacing("example", with: "exbmple")) == nil, "the id is of name and key")
        #expect(NoteKey(name: "has space", key: key.key) == nil && NoteKey(name: "a+b", key: key.key) == nil)
        #expect(NoteKey("x") == nil && NoteKey(key.description + "=") == nil)
    }

    @Test func proofsFromStoredSubtreesAreThoseOfTheWholeTree() throws {
        for count in 1...40 {
            let leaves = (0..<count).map { MerkleTree.leafHash("leaf \($0)".utf8) }
            var (frontier, nodes) = (MerkleFrontier(), [MerkleNode: SHA256Digest]())
            for leaf in leaves { frontier.append(leaf) { nodes[$0] = $1 } }
            #expect(MerkleFrontier(count: count, peaks: frontier.peaks) == frontier)
            #expect(MerkleProof.hash(0..<count) { nodes[$0] } == frontier.root)
            for other in 0..<count {
                let inclusion = MerkleProof.inclusion(other, of: count).map { range in MerkleProof.hash(range) { nodes[$0] } }
                #expect(inclusion == MerkleTree.inclusionPath(other, leaves[...]))
                let consistency = MerkleProof.consistency(from: other, to: count).map { range in MerkleProof.hash(range) { nodes[$0] } }
                #expect(consistency == MerkleTree.consistencyPath(from: other, leaves[...]), "\(other) of \(count)")
            }
        }
    }
}
