import Testing

@testable import Domain

/// A generator with a fixed series.
struct FixedGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

@Suite("Key format")
struct KeyFormatTests {
    @Test("the checksum is zlib's CRC-32")
    func checksum() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.checksum(Array("The quick brown fox jumps over the lazy dog".utf8)) == 0x414f_a339)
        #expect(CRC32.checksum([UInt8]()) == 0)
    }

    @Test("a new key is accepted, any one changed character is not", arguments: KeyFormat.allCases)
    func mistyped(format: KeyFormat) {
        var generator = FixedGenerator(state: 7)
        let key = format.make(using: &generator)
        #expect(key.hasPrefix(format.rawValue) && key.utf8.count == format.rawValue.utf8.count + 36)
        #expect(format.accepts(key) && KeyFormat.mayExist(key))
        for place in key.indices.dropFirst(format.rawValue.count) {
            var wrong = key
            wrong.replaceSubrange(place...place, with: key[place] == "x" ? "y" : "x")
            #expect(!format.accepts(wrong) && !KeyFormat.mayExist(wrong))
        }
        #expect(!format.accepts(key + "0") && !format.accepts(String(key.dropLast())) && !format.accepts(""))
    }

    @Test("bytes are judged as texts are", arguments: KeyFormat.allCases)
    func bytes(format: KeyFormat) {
        var generator = FixedGenerator(state: 11)
        for _ in 0..<200 {
            var key = Array(format.make(using: &generator).utf8)
            #expect(key.withUnsafeBytes { KeyFormat.claimed(by: $0) == format && format.accepts($0) && KeyFormat.mayExist($0) })
            key[Int.random(in: format.rawValue.utf8.count..<key.count, using: &generator)] = UInt8(ascii: "-")
            #expect(key.withUnsafeBytes { !format.accepts($0) && !KeyFormat.mayExist($0) })
        }
        #expect([UInt8]().withUnsafeBytes { KeyFormat.mayExist($0) && !format.accepts($0) })
    }

    @Test("a key from elsewhere is worth a look-up", arguments: ["sk-abc", "", "pls", "Bearer x", "pls_liv_aaaaaaaa"])
    func imported(key: String) {
        #expect(KeyFormat.mayExist(key))
        #expect(KeyFormat.claimed(by: key) == nil)
    }
}
