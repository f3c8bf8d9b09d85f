import Cryptography
import FoundationEssentials

@testable import Link

/// A root and an intermediate, and leaves of them, as an installation has them.
struct TestAuthority {
    let root: CertificateAuthority
    let intermediate: CertificateAuthority

    init() throws {
        root = try CertificateAuthority.makeRoot()
        intermediate = try root.makeIntermediate()
    }

    struct Leaf {
        let identity: PeerIdentity
        let chainPem: String
        let keyPem: String
        let authoritiesPem: String

        func credentials() throws -> LinkCredentials {
            try LinkCredentials(certificateChainPem: chainPem, privateKeyPem: keyPem, authoritiesPem: authoritiesPem)
        }
    }

    func leaf(_ role: PeerIdentity.Role, id: UUID = UUID(), validFor life: Duration = .seconds(3600), at moment: Date = Date()) throws -> Leaf {
        let identity = PeerIdentity(role: role, id: id)
        let key = try PrivateKey()
        let certificate = try intermediate.issue(CertificateRequest(key: key), identity: identity, validFor: life, at: moment)
        return Leaf(
            identity: identity, chainPem: certificate.pem + intermediate.certificate.pem, keyPem: key.pem,
            authoritiesPem: root.certificate.pem)
    }
}
