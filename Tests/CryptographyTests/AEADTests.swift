import Testing

@testable import Cryptography

@Suite struct AEADTests {
    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
    @Test func aes256GCMMatchesTheStandard() throws {
        let key = try #require(Hex.decode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let nonce = try #require(Hex.decode("cafebabefacedbaddecaf888"))
        let data = try #require(Hex.decode("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
        let plaintext = try #require(
            Hex.decode(
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"))
        let sealed = try AEAD(key: key).seal(plaintext, authenticating: data, nonce: nonce)
        #expect(
            Hex.encode(sealed.dropFirst(12))
                == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b")
        #expect(try AEAD(key: key).open(sealed, authenticating: data) == plaintext)
    }

    @Test func everyChangedByteIsNoticed() throws {
        let box = try AEAD(key: SecureRandom.bytes(32))
        let sealed = try box.seal(Array("secret".utf8), authenticating: Array("row 7".utf8))
        #expect(try box.open(sealed, authenticating: Array("row 7".utf8)) == Array("secret".utf8))
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x20
            #expect(throws: CryptographyError.self) { try box.open(changed, authenticating: Array("row 7".utf8)) }
        }
        #expect(throws: CryptographyError.self) { try box.open(sealed, authenticating: Array("row 8".utf8)) }
        #expect(throws: CryptographyError.self) { try AEAD(key: SecureRandom.bytes(32)).open(sealed, authenticating: Array("row 7".utf8)) }
        #expect(throws: CryptographyError.self) { try box.open(Array(sealed.prefix(27))) }
    }

    @Test func emptyMessagesAreAuthenticatedToo() throws {
        let box = try AEAD(key: SecureRandom.bytes(32))
        let sealed = try box.seal([])
        #expect(sealed.count == 28)
        #expect(try box.open(sealed) == [])
    }

    @Test func sealingTwiceGivesDifferentBytes() throws {
        let box = try AEAD(key: SecureRandom.bytes(32))
        #expect(try box.seal([1]) != box.seal([1]))
        #expect(throws: CryptographyError.self) { try AEAD(key: [1]) }
    }
}
