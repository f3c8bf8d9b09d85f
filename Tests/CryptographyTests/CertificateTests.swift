import Cryptography
import FoundationEssentials
import Testing

@Suite struct CertificateTests {
    let root: CertificateAuthority
    let intermediate: CertificateAuthority

    init() throws {
        root = try CertificateAuthority.makeRoot()
        intermediate = try root.makeIntermediate()
    }

    func leaf(_ role: PeerIdentity.Role = .agent, life: Duration = .seconds(3_600), at moment: Date = Date()) throws -> Certificate {
        let request = try CertificateRequest(key: PrivateKey())
        return try intermediate.issue(request, identity: PeerIdentity(role: role, id: UUID()), validFor: life, at: moment)
    }

    func code(_ chain: [Certificate], _ authorities: [Certificate], at moment: Date = Date(), role: PeerIdentity.Role? = nil) -> String? {
        do throws(CryptographyError) {
            try Certificate.verify(chain: chain, authorities: authorities, at: moment, role: role)
            return nil
        } catch {
            return error.code.description
        }
    }

    @Test func aChainSpeaksForItsPeer() throws {
        let id = UUID()
        let request = try CertificateRequest(key: PrivateKey())
        let certificate = try intermediate.issue(request, identity: PeerIdentity(role: .gateway, id: id))
        let identity = try Certificate.verify(
            chain: [certificate, intermediate.certificate], authorities: [root.certificate], at: Date(), role: .gateway)
        #expect(identity == PeerIdentity(role: .gateway, id: id))
        #expect(try certificate.spkiSHA256 == request.spkiSHA256())
    }

    @Test func expiredAndEarlyCertificatesAreRefused() throws {
        let now = Date()
        let chain = [try leaf(life: .seconds(60), at: now), intermediate.certificate]
        #expect(code(chain, [root.certificate], at: now) == nil)
        #expect(code(chain, [root.certificate], at: now + 61) == "expired")
        #expect(code(chain, [root.certificate], at: now - 119) == "notYetValid" || code(chain, [root.certificate], at: now - 119) == nil)
        #expect(code(chain, [root.certificate], at: now - 180) == "notYetValid")
    }

    @Test func anotherAuthorityIsNotTrusted() throws {
        let stranger = try CertificateAuthority.makeRoot()
        #expect(code([try leaf(), intermediate.certificate], [stranger.certificate]) == "untrusted")
        #expect(code([try leaf()], [root.certificate]) == "untrusted")
        #expect(code([], [root.certificate]) == "untrusted")
        #expect(code([try leaf(), intermediate.certificate], []) == "untrusted")
    }

    @Test func twoRootsOverlapWhileOneReplacesTheOther() throws {
        let next = try CertificateAuthority.makeRoot()
        #expect(code([try leaf(), intermediate.certificate], [next.certificate, root.certificate]) == nil)
    }

    @Test func aRoleThatIsNotAskedForIsRefused() throws {
        #expect(code([try leaf(.agent), intermediate.certificate], [root.certificate], role: .gateway) == "roleMismatch")
        #expect(code([try leaf(.control), intermediate.certificate], [root.certificate], role: .agent) == "roleMismatch")
    }

    @Test func aChangedCertificateIsRefused() throws {
        let good = try leaf()
        var bytes = good.der
        bytes[bytes.count - 8] ^= 1
        let changed = try Certificate(der: bytes)
        #expect(code([changed, intermediate.certificate], [root.certificate]) == "invalidSignature")
    }

    @Test func anAuthorityIsNotAPeer() throws {
        #expect(code([intermediate.certificate], [root.certificate]) != nil)
        #expect(code([root.certificate], [root.certificate]) != nil)
    }

    @Test func aLeafCannotIssue() throws {
        let key = try PrivateKey()
        let certificate = try intermediate.issue(CertificateRequest(key: key), identity: PeerIdentity(role: .agent, id: UUID()))
        let forger = try CertificateAuthority(certificate: certificate, key: key)
        let forged = try forger.issue(CertificateRequest(key: PrivateKey()), identity: PeerIdentity(role: .control, id: UUID()))
        #expect(code([forged, certificate, intermediate.certificate], [root.certificate]) == "untrusted")
    }

    @Test func anIntermediateStaysInItsTrustDomain() throws {
        let stray = try CertificateAuthority(certificate: intermediate.certificate, key: intermediate.key, trustDomain: "elsewhere.example")
        let certificate = try stray.issue(
            CertificateRequest(key: PrivateKey()), identity: PeerIdentity(trustDomain: "elsewhere.example", role: .agent, id: UUID()))
        #expect(code([certificate, intermediate.certificate], [root.certificate]) == "untrusted")
        #expect(throws: CryptographyError.self) {
            try intermediate.issue(CertificateRequest(key: PrivateKey()), identity: PeerIdentity(trustDomain: "b.example", role: .agent, id: UUID()))
        }
    }

    @Test func textAndBytesReadBack() throws {
        let certificate = try leaf()
        #expect(try Certificate(pem: certificate.pem) == certificate)
        #expect(try Certificate(der: certificate.der).fingerprint == certificate.fingerprint)
        #expect(certificate.serial.count == 40)
        let text = certificate.pem + intermediate.certificate.pem
        #expect(try Certificate.chain(pem: text) == [certificate, intermediate.certificate])
        #expect(throws: CryptographyError.self) { try Certificate(pem: "hello") }
        #expect(throws: CryptographyError.self) { try Certificate(der: certificate.der + [0]) }
        #expect(throws: CryptographyError.self) { try Certificate(der: []) }
    }

    @Test func namesAreCheckedBeforeTheyAreSigned() throws {
        let request = try CertificateRequest(key: PrivateKey())
        let identity = PeerIdentity(role: .control, id: UUID())
        for name in ["a,URI:spiffe://plimsoll.internal/agent/x", "", "a b", "a\nb"] {
            #expect(throws: CryptographyError.self) { try intermediate.issue(request, identity: identity, dnsNames: [name]) }
        }
        #expect(throws: CryptographyError.self) { try intermediate.issue(request, identity: identity, addresses: ["300.1.1.1"]) }
    }

    @Test func keyAndCertificateMustBelongTogether() throws {
        #expect(throws: CryptographyError.self) { try CertificateAuthority(certificate: root.certificate, key: PrivateKey()) }
        #expect(root.certificate.belongs(to: root.key))
    }
}
