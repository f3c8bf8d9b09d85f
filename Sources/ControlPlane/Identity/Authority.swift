package import Cryptography
package import FoundationEssentials
package import PlimsollWire
import Synchronization

/// Issues the identities of agents, gateways and of this program, and holds the key that signs routing tables.
///
/// One for the whole program: when its folder holds a renewed intermediate, `adopt` puts that in force for everybody who issues.
package final class Authority: Sendable {
    /// Certificates of agents and gateways: so long that a day without a control plane cuts nobody off.
    package static let certificateLife = Duration.seconds(86_400)
    private static let renewalInterval = 3_600.0
    /// With less left of the intermediate no certificate is issued: it would end before its holder asks for the next one.
    private static let leastLife = 3_600.0

    /// All roots to trust now; the first one is what join tokens pin.
    package let roots: [Certificate]
    package let tableKey: SigningKey
    /// Signs checkpoints and bundles of evidence; nil in a folder that is older than evidence, until `plimsoll-control init` adds it.
    package let evidenceKey: SigningKey?
    private let present: Mutex<CertificateAuthority>

    /// Throws when the intermediate is not signed by one of the roots or has expired.
    package init(
        roots: [Certificate], intermediate: CertificateAuthority, tableKey: SigningKey, evidenceKey: SigningKey? = nil, at moment: Date = Date()
    ) throws(CryptographyError) {
        self.roots = roots
        self.tableKey = tableKey
        self.evidenceKey = evidenceKey
        present = Mutex(intermediate)
        guard !roots.isEmpty else { throw CryptographyError(.untrusted, "there is no root authority") }
        // An intermediate is no peer by itself, so it is tried out on a leaf.
        let probe = PeerIdentity(trustDomain: intermediate.trustDomain, role: .control, id: UUID())
        let leaf = try intermediate.issue(CertificateRequest(key: PrivateKey()), identity: probe, at: moment)
        try Certificate.verify(chain: [leaf, intermediate.certificate], authorities: roots, at: moment)
    }

    package var intermediate: CertificateAuthority { present.withLock { $0 } }

    /// Issues with the other's intermediate from now on; false when it is the same, or of other roots, which takes a restart.
    package func adopt(_ other: Authority) -> Bool {
        guard other.roots == roots, other.intermediate.certificate != intermediate.certificate else { return false }
        let renewed = other.intermediate
        present.withLock { $0 = renewed }
        return true
    }

    package var trustDomain: String { intermediate.trustDomain }

    /// Nil without a key for it.
    package var evidenceSigner: EvidenceSigner? { evidenceKey.flatMap { EvidenceSigner(trustDomain: trustDomain, key: $0) } }

    /// SHA-256 of the root's public key: the last part of a join token.
    package var pin: SHA256Digest { roots[0].spkiSHA256 }

    package var authoritiesPem: String { roots.map(\.pem).joined() }

    /// A certificate for the identity and everything that its holder must know. Names in the request are ignored. Throws `.expired` when the
    /// intermediate ends within the hour.
    package func issue(
        _ request: CertificateRequest, role: PeerIdentity.Role, id: UUID, joinState: Int, at moment: Date = Date()
    ) throws(CryptographyError) -> (credentials: Credentials, certificate: Certificate) {
        let intermediate = intermediate
        guard intermediate.certificate.notAfter.timeIntervalSince(moment) >= Self.leastLife else {
            throw CryptographyError(.expired, "the intermediate authority ends within the hour: run plimsoll-control renew-authority --root-key FILE")
        }
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
        let intermediate = intermediate
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
