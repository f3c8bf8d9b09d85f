import Cryptography
import FoundationEssentials
import Testing

/// What we make, read by the openssl command line, and the other way round.
@Suite struct ToolTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func opensslVerifiesAChain() throws {
        let root = try CertificateAuthority.makeRoot()
        let intermediate = try root.makeIntermediate()
        let certificate = try intermediate.issue(
            CertificateRequest(key: PrivateKey()), identity: PeerIdentity(role: .control, id: UUID()), dnsNames: ["control.example"],
            addresses: ["127.0.0.1", "::1"])
        try folder.write("root.pem", root.certificate.pem)
        try folder.write("intermediate.pem", intermediate.certificate.pem)
        try folder.write("leaf.pem", certificate.pem)
        let arguments = ["verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "intermediate.pem"]
        for purpose in ["sslclient", "sslserver"] {
            #expect(try folder.openssl(arguments + ["-purpose", purpose, "leaf.pem"]).status == 0)
        }
        #expect(try folder.openssl(arguments + ["-verify_hostname", "control.example", "leaf.pem"]).status == 0)
        #expect(try folder.openssl(arguments + ["-verify_ip", "127.0.0.1", "leaf.pem"]).status == 0)
        #expect(try folder.openssl(arguments + ["-verify_hostname", "other.example", "leaf.pem"]).status != 0)
        #expect(try folder.openssl(["verify", "-CAfile", "root.pem", "leaf.pem"]).status != 0)
    }

    @Test func opensslReadsNamesAndUses() throws {
        let authority = try CertificateAuthority.makeRoot().makeIntermediate()
        let identity = PeerIdentity(role: .agent, id: UUID())
        let certificate = try authority.issue(CertificateRequest(key: PrivateKey()), identity: identity)
        try folder.write("leaf.pem", certificate.pem)
        let text = try folder.openssl(["x509", "-in", "leaf.pem", "-noout", "-text"]).output
        #expect(text.contains("URI:\(identity)"))
        #expect(text.contains("TLS Web Server Authentication, TLS Web Client Authentication"))
        #expect(text.contains("CA:FALSE"))
        #expect(text.contains("prime256v1"))
    }

    @Test func requestsOfOpensslAreReadAndTheirNamesIgnored() throws {
        try folder.run(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"])
        try folder.run([
            "req", "-new", "-key", "key.pem", "-subj", "/CN=root", "-addext", "subjectAltName=URI:spiffe://plimsoll.internal/control/1", "-out",
            "request.pem",
        ])
        let authority = try CertificateAuthority.makeRoot().makeIntermediate()
        let identity = PeerIdentity(role: .agent, id: UUID())
        let certificate = try authority.issue(CertificateRequest(pem: folder.read("request.pem")), identity: identity)
        #expect(certificate.identity == identity)
        #expect(certificate.belongs(to: try PrivateKey(pem: folder.read("key.pem"))))
    }

    @Test(arguments: [
        ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ["ecparam", "-name", "secp384r1", "-genkey", "-noout"],
        ["genpkey", "-algorithm", "ED25519"],
    ])
    func otherKindsOfKeysAreRefused(make: [String]) throws {
        try folder.run(make + ["-out", "key.pem"])
        try folder.run(["req", "-new", "-key", "key.pem", "-subj", "/CN=x", "-out", "request.pem"])
        let request = try folder.read("request.pem")
        let key = try folder.read("key.pem")
        #expect(throws: CryptographyError.self) { try CertificateRequest(pem: request) }
        #expect(throws: CryptographyError.self) { try PrivateKey(pem: key) }
    }

    @Test func opensslVerifiesOurSignatures() throws {
        let key = try SigningKey()
        // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) is this prefix and the raw key.
        let prefix = try #require(Hex.decode("302a300506032b6570032100"))
        try folder.write("key.der", prefix + key.verifyingKey.rawBytes)
        try folder.write("message", "plimsoll")
        try folder.write("signature", try key.sign(Array("plimsoll".utf8)))
        let arguments = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin", "-sigfile", "signature", "-in"]
        #expect(try folder.openssl(arguments + ["message"]).status == 0)
        try folder.write("message", "Plimsoll")
        #expect(try folder.openssl(arguments + ["message"]).status != 0)
    }

    @Test func keysOnDiskAreReadableByTheirOwnerOnly() throws {
        let path = folder.path + "/key.pem"
        let first = try PrivateKey()
        try first.write(to: path)
        try PrivateKey().write(to: path)
        #expect(try folder.mode("key.pem") == 0o600)
        #expect(try PrivateKey(pem: folder.read("key.pem")).spkiSHA256() != first.spkiSHA256())
        #expect(try folder.names() == ["key.pem"])
        #expect(throws: CryptographyError.self) { try SecretFile.write([1], to: folder.path + "/missing/key.pem") }
        #expect(throws: CryptographyError.self) { try SecretFile.read(path, limit: 10) }
    }
}
