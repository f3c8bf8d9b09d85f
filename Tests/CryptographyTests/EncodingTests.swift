import Cryptography
import Testing

@Suite struct EncodingTests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64MatchesTheStandard(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        #expect(Base64.decodeURL(encoded.prefix { $0 != "=" }) == Array(text.utf8))
    }

    @Test(arguments: ["Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9v\n", "Zh==", "Zm8_", "====", "Zm 8"])
    func looseBase64IsRefused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func addressAlphabetHasNoPadding() {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe, 0x00]
        #expect(Base64.encodeURL(bytes) == "-__-AA")
        #expect(Base64.decodeURL("-__-AA") == bytes)
        #expect(Base64.decodeURL("+//+AA") == nil)
        #expect(Base64.decodeURL("-__-AA==") == nil)
    }

    @Test func everyLengthSurvivesBothAlphabets() {
        for count in 0..<70 {
            let bytes = SecureRandom.bytes(count)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test func hexadecimalIsStrict() {
        #expect(Hex.encode([0x00, 0xab, 0xff]) == "00abff")
        #expect(Hex.decode("00ABff") == [0x00, 0xab, 0xff])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
        #expect(Hex.decode("é") == nil)
    }
}
