import Cryptography
import FoundationEssentials

/// The envelope around captures: each has a key of its own, which is sealed by one that never is in the database.
///
/// That one is made of the key that signs tables, which every replica holds in its folder of authorities. What is sealed names its row, so that a
/// ciphertext that is moved to another row cannot be opened.
struct CaptureSeal: Sendable {
    private let master: AEAD

    init(_ tableKey: SigningKey) {
        do {
            master = try AEAD(key: MAC.hmacSHA256(key: tableKey.rawBytes, Array("plimsoll capture keys 1".utf8)))
        } catch {
            preconditionFailure("an HMAC-SHA-256 has the 32 bytes of a key")
        }
    }

    /// A new key for a capture, sealed.
    func newKey(_ capture: UUID) throws(CryptographyError) -> [UInt8] {
        try master.seal(SecureRandom.bytes(32), authenticating: Self.place("captures.sealed_key", capture))
    }

    func seal(_ record: [UInt8], id: UUID, of capture: UUID, key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try opened(key, capture).seal(record, authenticating: Self.place("capture_records.sealed", capture, id))
    }

    func open(_ sealed: [UInt8], id: UUID, of capture: UUID, key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try opened(key, capture).open(sealed, authenticating: Self.place("capture_records.sealed", capture, id))
    }

    private func opened(_ key: [UInt8], _ capture: UUID) throws(CryptographyError) -> AEAD {
        try AEAD(key: master.open(key, authenticating: Self.place("captures.sealed_key", capture)))
    }

    private static func place(_ column: String, _ rows: UUID...) -> [UInt8] {
        Array(([column] + rows.map { $0.uuidString.lowercased() }).joined(separator: "|").utf8)
    }
}
