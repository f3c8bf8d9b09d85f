/// Text form of the secrets that we issue: prefix, 30 random base62 digits, and the CRC-32 of all before it as 6 base62 digits.
///
/// The checksum lets scanners and the gateway tell a mistyped or invented key from a real one without a look-up. It proves nothing.
package enum KeyFormat: String, Sendable, CaseIterable {
    case live = "pls_live_"
    case test = "pls_test_"
    case admin = "pls_adm_"

    package static let randomDigits = 30
    package static let checksumDigits = 6
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// A new secret; about 178 bits of `generator`'s randomness.
    package func make(using generator: inout some RandomNumberGenerator) -> String {
        var bytes = Array(rawValue.utf8)
        for _ in 0..<Self.randomDigits {
            bytes.append(Self.alphabet[Int.random(in: 0..<62, using: &generator)])
        }
        bytes.append(contentsOf: Self.digits(of: CRC32.checksum(bytes)))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What kind of secret the text claims to be by its prefix; nil for keys from elsewhere.
    package static func claimed(by key: some StringProtocol) -> KeyFormat? {
        raw(key) { claimed(by: $0) }
    }

    /// The same for bytes; allocates nothing.
    package static func claimed(by key: UnsafeRawBufferPointer) -> KeyFormat? {
        // Without `allCases`, which would make an array.
        if key.starts(with: live.rawValue.utf8) { return .live }
        if key.starts(with: test.rawValue.utf8) { return .test }
        return key.starts(with: admin.rawValue.utf8) ? .admin : nil
    }

    /// Whether length, alphabet and checksum are those of a secret with this prefix.
    package func accepts(_ key: some StringProtocol) -> Bool {
        Self.raw(key) { accepts($0) }
    }

    /// The same for bytes; allocates nothing.
    package func accepts(_ key: UnsafeRawBufferPointer) -> Bool {
        let prefix = rawValue.utf8.count
        guard key.count == prefix + Self.randomDigits + Self.checksumDigits, key.starts(with: rawValue.utf8) else { return false }
        guard key[prefix...].allSatisfy(Self.isDigit) else { return false }
        let body = UnsafeRawBufferPointer(rebasing: key.dropLast(Self.checksumDigits))
        var rest = Int(CRC32.checksum(body))
        // The last digit is the smallest.
        for place in key.indices.suffix(Self.checksumDigits).reversed() {
            guard key[place] == Self.alphabet[rest % 62] else { return false }
            rest /= 62
        }
        return true
    }

    /// False only for keys that carry one of our prefixes and cannot be ours; everything else is worth a look-up by hash.
    package static func mayExist(_ key: some StringProtocol) -> Bool {
        raw(key) { mayExist($0) }
    }

    /// The same for bytes; allocates nothing.
    package static func mayExist(_ key: UnsafeRawBufferPointer) -> Bool {
        claimed(by: key)?.accepts(key) ?? true
    }

    private static func raw<Result>(_ key: some StringProtocol, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var copy = String(key)
        return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: false
        }
    }

    private static func digits(of checksum: UInt32) -> [UInt8] {
        var rest = Int(checksum)
        var digits: [UInt8] = []
        for _ in 0..<checksumDigits {
            digits.append(alphabet[rest % 62])
            rest /= 62
        }
        return digits.reversed()
    }
}
