import Cryptography
package import FoundationEssentials

/// One-use token with which a host or gateway joins: `jt1.<id without dashes>.<secret, base64url>.<pin, base64url>`.
///
/// The pin is the SHA-256 of the root authority's public key (SubjectPublicKeyInfo), so that the joiner knows whom it may trust.
package struct JoinToken: Sendable, Equatable {
    package var id: UUID
    /// 32 bytes; only their SHA-256 is stored.
    package var secret: [UInt8]
    /// 32 bytes.
    package var pin: [UInt8]

    package init(id: UUID, secret: [UInt8], pin: [UInt8]) {
        precondition(secret.count == 32 && pin.count == 32, "a join token holds two values of 32 bytes")
        self.id = id
        self.secret = secret
        self.pin = pin
    }

    /// Nil when the text is anything but the exact form.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "jt1", let id = Self.identifier(parts[1]) else { return nil }
        guard let secret = Self.decode(parts[2]), let pin = Self.decode(parts[3]) else { return nil }
        self.init(id: id, secret: secret, pin: pin)
    }

    package var text: String {
        let plain = id.uuidString.lowercased().filter { $0 != "-" }
        return "jt1.\(plain).\(Base64.encodeURL(secret)).\(Base64.encodeURL(pin))"
    }

    private static func identifier(_ digits: some StringProtocol) -> UUID? {
        let bytes = Array(digits.utf8)
        guard bytes.count == 32, bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        let groups = [bytes[0..<8], bytes[8..<12], bytes[12..<16], bytes[16..<20], bytes[20..<32]]
        return UUID(uuidString: groups.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-"))
    }

    private static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard let bytes = Base64.decodeURL(text), bytes.count == 32 else { return nil }
        return bytes
    }
}

extension JoinToken: CustomStringConvertible, CustomReflectable {
    /// Shows nothing, so that a token cannot be logged by mistake; `text` is the token.
    package var description: String { "<join token>" }
    package var customMirror: Mirror { Mirror(self, children: [:] as KeyValuePairs<String, Any>, displayStyle: .struct) }
}
