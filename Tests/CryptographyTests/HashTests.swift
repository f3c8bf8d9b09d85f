import Cryptography
import Testing

@Suite struct HashTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256MatchesTheStandard(text: String, digest: String) {
        #expect(Hash.sha256(text).hex == digest)
        #expect(Hash.sha256(Array(text.utf8)).hex == digest)
    }

    @Test func sha512MatchesTheStandard() {
        let digest =
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        #expect(Hex.encode(Hash.sha512(Array("abc".utf8))) == digest)
    }

    @Test func piecesHashAsTheWhole() {
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var hasher = SHA256Hasher()
        for start in stride(from: 0, to: bytes.count, by: 63) { hasher.update(Array(bytes[start..<min(start + 63, bytes.count)])) }
        #expect(hasher.finish() == Hash.sha256(bytes))
    }

    @Test func aCopiedHasherGoesOnAlone() {
        var one = SHA256Hasher()
        one.update(Array("ab".utf8))
        var other = one
        one.update(Array("c".utf8))
        other.update(Array("d".utf8))
        #expect(one.finish() == Hash.sha256("abc"))
        #expect(other.finish() == Hash.sha256("abd"))
    }

    @Test func digestsReadWhatTheyWrite() {
        let digest = Hash.sha256("abc")
        #expect(SHA256Digest(hex: digest.hex) == digest)
        #expect(SHA256Digest(bytes: digest.bytes) == digest)
        #expect(SHA256Digest(hex: digest.hex.dropLast()) == nil)
        #expect(SHA256Digest(bytes: [1, 2, 3]) == nil)
    }

    /// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
    @Test(arguments: [
        ([UInt8](repeating: 0x0b, count: 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (Array("Jefe".utf8), "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func hmacMatchesTheStandard(key: [UInt8], message: String, code: String) {
        #expect(Hex.encode(MAC.hmacSHA256(key: key, Array(message.utf8))) == code)
    }

    @Test func constantTimeEqualityIsEquality() {
        #expect(ConstantTime.equal([1, 2, 3], [1, 2, 3]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2, 4]))
        #expect(!ConstantTime.equal([1, 2, 3], [1, 2]))
        #expect(ConstantTime.equal([], []))
        #expect(ConstantTime.equal(Hash.sha256("a"), Hash.sha256("a")))
        #expect(!ConstantTime.equal(Hash.sha256("a"), Hash.sha256("b")))
    }

    @Test func randomBytesDiffer() {
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect((0..<200).allSatisfy { _ in SecureRandom.uniform(below: 3) < 3 })
    }
}
