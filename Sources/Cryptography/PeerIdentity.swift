package import FoundationEssentials

/// Who a certificate speaks for: `spiffe://<trust domain>/<role>/<uuid>`.
package struct PeerIdentity: Sendable, Hashable, CustomStringConvertible {
    package enum Role: String, Sendable, Hashable, CaseIterable {
        case agent
        case gateway
        case control
    }

    package static let defaultTrustDomain = "plimsoll.internal"

    package let trustDomain: String
    package let role: Role
    package let id: UUID

    package init(trustDomain: String = PeerIdentity.defaultTrustDomain, role: Role, id: UUID) {
        self.trustDomain = trustDomain
        self.role = role
        self.id = id
    }

    /// Nil unless the text is exactly what `description` writes for the same values.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.starts(with: "spiffe://".utf8) else { return nil }
        let parts = text.dropFirst("spiffe://".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, PeerIdentity.isTrustDomain(parts[0]), let role = Role(rawValue: String(parts[1])),
            let id = UUID(uuidString: String(parts[2])), id.uuidString.lowercased() == parts[2]
        else { return nil }
        self.init(trustDomain: String(parts[0]), role: role, id: id)
    }

    package var description: String {
        "spiffe://\(trustDomain)/\(role.rawValue)/\(id.uuidString.lowercased())"
    }

    /// Lower-case letters, digits, dots and hyphens, at most 200 of them.
    package static func isTrustDomain(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            }
    }
}
