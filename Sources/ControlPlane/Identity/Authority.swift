package import Cryptography
package import FoundationEssentials
package import PlimsollWire

/// Issues the identities of agents, gateways and of this program, and holds the key that signs routing tables.
package struct Authority: Sendable {
    /// Certificates of agents and gateways: so long that a day without a control plane cuts nobody off.
    package static let certificateLife = Duration.seconds(86_400)
    private static let renewalInterval = 3_600.0

    /// All roots to trust now; the first one is what join tokens pin.
    package let roots: [Certificate]
    package let intermediate: CertificateAuthority
    package let tableKey: SigningKey

    /// Throws when the intermediate is not signed by one of the roots or has expired.
    package init(roots: [Certificate], intermediate: CertificateAuthority, tableKey: SigningKey, at moment: Date = Date()) throws(CryptographyError) {
        self.roots = roots
        self.intermediate = intermediate
        self.tableKey = tableKey
        guard !roots.isEmpty else { throw CryptographyError(.untrusted, "there is no root authority") }
        // An intermediate is no peer by itself, so it is tried out on a leaf.
        let probe = PeerIdentity(trustDomain: intermediate.trustDomain, role: .control, id: UUID())
        let leaf = try intermediate.issue(CertificateRequest(key: PrivateKey()), identity: probe, at: moment)
        try Certificate.verify(chain: [leaf, intermediate.certificate], authorities: roots, at: moment)
    }

    package var trustDomain: String { intermediate.trustDomain }

    /// SHA-256 of the root's public key: the last part of a join token.
    package var pin: SHA256Digest { roots[0].spkiSHA256 }

    package var authoritiesPem: String { roots.map(\.pem).joined() }

    /// A certificate for the identity and everything that its holder must know. Names in the request are ignored.
    package func issue(
        _ request: CertificateRequest, role: PeerIdentity.Role, id: UUID, joinState: Int, at moment: Date = Date()
    ) throws(CryptographyError) -> (credentials: Credentials, certificate: Certificate) {
        let identity = PeerIdentity(trustDomain: trustDomain, role: role, id: id)
        let certificate = try intermediate.issue(request, identity: identity, validFor: Self.certificateLife, at: moment)
        let credentials = Credentials(
            id: id.lowercased, identity: identity.description, certificateChainPem: certificate.pem + intermediate.certificate.pem,
            authoritiesPem: authoritiesPem, notAfter: certificate.notAfter,
            renewAfterSeconds: Int(Self.renewalInterval * Double.random(in: 0.9...1.1)), joinState: joinState)
        return (credentials, certificate)
    }

    /// A certificate and key for this program's own listener, under the names that it is reached by.
    package func issueServer(names: [String], at moment: Date = Date()) throws(CryptographyError) -> (chain: [Certificate], key: PrivateKey) {
        let key = try PrivateKey()
        let identity = PeerIdentity(trustDomain: trustDomain, role: .control, id: UUID())
        let certificate = try intermediate.issue(
            CertificateRequest(key: key), identity: identity, dnsNames: names.filter { !CertificateNames.isAddress($0) },
            addresses: names.filter { CertificateNames.isAddress($0) }, validFor: Self.certificateLife, at: moment)
        return ([certificate, intermediate.certificate], key)
    }
}

extension UUID {
    /// As ids stand on the wire.
    var lowercased: String { uuidString.lowercased() }
}
