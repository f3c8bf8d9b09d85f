import Cryptography
package import FoundationEssentials

/// Where the authorities live on disk. Serving needs everything here but `root.key`, which belongs somewhere else once it has signed.
package struct AuthorityFolder: Sendable {
    package let path: String
    package let trustDomain: String

    package init(path: String, trustDomain: String = PeerIdentity.defaultTrustDomain) {
        self.path = path
        self.trustDomain = trustDomain
    }

    package var rootKey: String { path + "/root.key" }
    package var rootCertificate: String { path + "/root.pem" }
    var intermediateKey: String { path + "/intermediate.key" }
    var intermediateCertificate: String { path + "/intermediate.pem" }
    var tableKey: String { path + "/table.key" }
    var evidenceKey: String { path + "/evidence.key" }

    /// True when there is anything that a new authority would replace.
    package var isInUse: Bool {
        [rootKey, rootCertificate, intermediateKey, intermediateCertificate, tableKey].contains { SecretFile.exists($0) }
    }

    /// True when making them was interrupted: the root's certificate is written last.
    package var isUnfinished: Bool { isInUse && !SecretFile.exists(rootCertificate) }

    /// Makes root, intermediate and the key that signs routing tables. Never replaces what is there.
    package func create(at moment: Date = Date()) throws -> Authority {
        guard !isInUse else { throw CryptographyError(.file, "\(path) holds authorities already") }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let root = try CertificateAuthority.makeRoot(trustDomain: trustDomain, at: moment)
        try root.key.write(to: rootKey)
        return try complete(root, at: moment)
    }

    /// Makes what an interrupted `create` did not come to, around the root's key that it left.
    package func finish(at moment: Date = Date()) throws -> Authority {
        guard isUnfinished, SecretFile.exists(rootKey) else {
            throw CryptographyError(.file, "\(rootCertificate) and \(rootKey) are missing: put back one of them, or empty the folder to begin anew")
        }
        return try complete(
            CertificateAuthority.makeRoot(trustDomain: trustDomain, key: PrivateKey(pem: text(rootKey)), at: moment), at: moment)
    }

    private func complete(_ root: CertificateAuthority, at moment: Date) throws -> Authority {
        try writeIntermediate(root.makeIntermediate(at: moment))
        if !SecretFile.exists(tableKey) { try Self.writeSigningKey(to: tableKey) }
        try addEvidenceKey()
        // Last, because a folder with a root in it counts as complete.
        try SecretFile.write(Array(root.certificate.pem.utf8), to: rootCertificate)
        return try load(at: moment)
    }

    /// Makes the key that signs evidence where there is none; true when it did. Evidence is only worth what this key is: it is never replaced.
    @discardableResult
    package func addEvidenceKey() throws -> Bool {
        guard !SecretFile.exists(evidenceKey) else { return false }
        try Self.writeSigningKey(to: evidenceKey)
        return true
    }

    private static func writeSigningKey(to file: String) throws {
        try SecretFile.write(Array(Hex.encode(SigningKey().rawBytes).utf8), to: file)
    }

    private func signingKey(_ file: String) throws -> SigningKey {
        guard let seed = Hex.decode(try text(file).filter { !$0.isWhitespace }) else {
            throw CryptographyError(.malformed, "\(file) is not a key in hexadecimal digits")
        }
        return try SigningKey(rawBytes: seed)
    }

    /// Signs a new intermediate with the root's key, which is read from wherever it is kept.
    package func renewIntermediate(rootKeyPath: String, at moment: Date = Date()) throws {
        let certificate = try Certificate(pem: text(rootCertificate))
        let root = try CertificateAuthority(certificate: certificate, key: PrivateKey(pem: text(rootKeyPath)), trustDomain: trustDomain)
        try writeIntermediate(root.makeIntermediate(at: moment))
    }

    /// Reads what serving needs, and checks that the parts belong together.
    package func load(at moment: Date = Date()) throws -> Authority {
        let roots = try Certificate.chain(pem: text(rootCertificate))
        let intermediate = try CertificateAuthority(
            certificate: Certificate(pem: text(intermediateCertificate)), key: PrivateKey(pem: text(intermediateKey)), trustDomain: trustDomain)
        return try Authority(
            roots: roots, intermediate: intermediate, tableKey: signingKey(tableKey),
            evidenceKey: SecretFile.exists(evidenceKey) ? signingKey(evidenceKey) : nil, at: moment)
    }

    private func writeIntermediate(_ intermediate: CertificateAuthority) throws {
        try intermediate.key.write(to: intermediateKey)
        try SecretFile.write(Array(intermediate.certificate.pem.utf8), to: intermediateCertificate)
    }

    private func text(_ file: String) throws -> String {
        String(decoding: try SecretFile.read(file), as: UTF8.self)
    }
}
