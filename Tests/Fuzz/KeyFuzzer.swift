import Cryptography
import Domain
import HTTPWire

@testable import Gateway

/// Secrets and ids are taken in their exact form only, and a key is found in a head where it stands.
enum KeyFuzzer: Fuzzer {
    static let name = "keys"

    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    static func check(_ bytes: [UInt8]) throws {
        try issued(bytes)
        for format in KeyFormat.allCases { try made(format, bytes) }
        try presented(bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        if let token = JoinToken(text) { try hold(token.text == text, "another token than its text") }
        if let id = RequestId(text) { try hold(id.description == text.lowercased(), "another request id than its text") }
        if let id = TenantId(text) { try hold(id.description == text.lowercased(), "another id than its text") }
        if let identity = PeerIdentity(text) { try hold(identity.description == text, "another identity than its text") }
        if let decoded = Base64.decode(text) { try hold(Base64.encode(decoded) == text, "two texts for the same bytes") }
        if let decoded = Base64.decodeURL(text) { try hold(Base64.encodeURL(decoded) == text, "two texts for the same bytes") }
        if let decoded = Hex.decode(text) { try hold(Hex.encode(decoded) == text.lowercased(), "other digits") }
    }

    /// What is accepted has the length, the digits and the checksum.
    private static func issued(_ bytes: [UInt8]) throws {
        let claimed = bytes.withUnsafeBytes { KeyFormat.claimed(by: $0) }
        let accepted = claimed.map { format in bytes.withUnsafeBytes { format.accepts($0) } } ?? false
        let mayExist = bytes.withUnsafeBytes { KeyFormat.mayExist($0) }
        try hold(mayExist == (claimed == nil || accepted), "a key may exist against its checksum")
        guard accepted, let claimed else { return }
        try hold(bytes.starts(with: claimed.rawValue.utf8) && bytes.count == claimed.rawValue.utf8.count + 36, "a key of another length")
        try hold(bytes.suffix(36).allSatisfy(digits.contains), "a key of other digits")
        try hold(Array(bytes.suffix(6)) == checksum(bytes.dropLast(6)), "a key of another checksum")
    }

    /// What is made of these digits is accepted, and with another one in any place is not.
    private static func made(_ format: KeyFormat, _ bytes: [UInt8]) throws {
        var random = Scripted(bytes: bytes)
        let key = Array(format.make(using: &random).utf8)
        try hold(key.withUnsafeBytes { format.accepts($0) }, "a key that was made is refused")
        let place = format.rawValue.utf8.count + Int(truncatingIfNeeded: random.next() % 36)
        var other = key
        other[place] = digits[Int(truncatingIfNeeded: random.next() % 62)]
        try hold(other == key || !other.withUnsafeBytes { format.accepts($0) }, "a mistyped key is accepted")
    }

    /// CRC-32 bit by bit.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var crc: UInt32 = ~0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        var (rest, text) = (Int(~crc), [UInt8]())
        for _ in 0..<6 {
            text.insert(digits[rest % 62], at: 0)
            rest /= 62
        }
        return text
    }

    private static func presented(_ value: [UInt8]) throws {
        let bytes = Array("GET / HTTP/1.1\r\nhost: a\r\nauthorization: ".utf8) + value + Array("\r\n\r\n".utf8)
        guard let head = try? bytes.withUnsafeBytes({ try RequestHead.scan($0) }) else { return }
        let digest = bytes.withUnsafeBytes { PresentedKey.digest(of: head, in: $0) }
        guard let digest, let range = head.authorization else { return }
        let field = bytes[range]
        try hold(String(decoding: field.prefix(7), as: UTF8.self).lowercased() == "bearer ", "another scheme is taken")
        let key = Array(field.dropFirst(7).drop { $0 == 0x20 })
        try hold(!key.isEmpty && digest == Hash.sha256(key), "another key than the one presented")
    }

    /// Numbers out of the bytes, then a count.
    private struct Scripted: RandomNumberGenerator {
        let bytes: [UInt8]
        private var at: UInt64 = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        mutating func next() -> UInt64 {
            at += 1
            let byte = at <= UInt64(bytes.count) ? UInt64(bytes[Int(at) - 1]) : at
            return byte &* 0x9E37_79B9_7F4A_7C15 ^ at << 40
        }
    }
}
