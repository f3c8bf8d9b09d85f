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
        allCases.first { key.utf8.starts(with: $0.rawValue.utf8) }
    }

    /// Whether length, alphabet and checksum are those of a secret with this prefix.
    package func accepts(_ key: some StringProtocol) -> Bool {
        let bytes = Array(key.utf8)
        let prefix = rawValue.utf8.count
        guard bytes.count == prefix + Self.randomDigits + Self.checksumDigits, bytes.starts(with: rawValue.utf8) else { return false }
        guard bytes[prefix...].allSatisfy(Self.isDigit) else { return false }
        let body = bytes.dropLast(Self.checksumDigits)
        return bytes.suffix(Self.checksumDigits).elementsEqual(Self.digits(of: CRC32.checksum(body)))
    }

    /// False only for keys that carry one of our prefixes and cannot be ours; everything else is worth a look-up by hash.
    package static func mayExist(_ key: some StringProtocol) -> Bool {
        claimed(by: key)?.accepts(key) ?? true
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
