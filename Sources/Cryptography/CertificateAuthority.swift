import COpenSSL
package import FoundationEssentials

/// Issues certificates: the offline root, or an intermediate that the root signed.
package struct CertificateAuthority: Sendable {
    package let certificate: Certificate
    package let key: PrivateKey
    package let trustDomain: String

    /// Throws `.mismatch` when the key is not the certificate's.
    package init(certificate: Certificate, key: PrivateKey, trustDomain: String = PeerIdentity.defaultTrustDomain) throws(CryptographyError) {
        guard certificate.belongs(to: key) else { throw CryptographyError(.mismatch, "the authority's key does not belong to its certificate") }
        guard PeerIdentity.isTrustDomain(trustDomain) else { throw CryptographyError(.invalidName, "not a trust domain") }
        self.certificate = certificate
        self.key = key
        self.trustDomain = trustDomain
    }

    /// A root, valid for ten years unless told otherwise, which signs itself and may sign one level of authorities below it. With `key` it has
    /// that key in place of a new one, and everything that pins or was signed by the key goes on being good.
    package static func makeRoot(
        commonName: String = "Plimsoll root", trustDomain: String = PeerIdentity.defaultTrustDomain, validFor life: Duration = .seconds(315_360_000),
        key given: PrivateKey? = nil, at moment: Date = Date()
    ) throws(CryptographyError) -> CertificateAuthority {
        let key = if let given { given } else { try PrivateKey() }
        let draft = try CertificateDraft(subject: commonName, key: key.handle, notBefore: moment - leeway, notAfter: moment + life.interval)
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:1", issuer: nil)
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: nil)
        try draft.add(NID_subject_key_identifier, "hash", issuer: nil)
        let certificate = try draft.sign(issuer: nil, key: key)
        return try CertificateAuthority(certificate: certificate, key: key, trustDomain: trustDomain)
    }

    /// An authority below this one: 90 days unless told otherwise, for leaves only, and only for identities of the trust domain.
    package func makeIntermediate(
        commonName: String = "Plimsoll intermediate", validFor life: Duration = .seconds(7_776_000), at moment: Date = Date()
    ) throws(CryptographyError) -> CertificateAuthority {
        let key = try PrivateKey()
        let draft = try CertificateDraft(
            subject: commonName, key: key.handle, notBefore: moment - CertificateAuthority.leeway,
            notAfter: min(moment + life.interval, certificate.notAfter))
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", issuer: certificate)
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: certificate)
        try draft.add(NID_name_constraints, "critical,permitted;URI:\(trustDomain)", issuer: certificate)
        try draft.add(NID_subject_key_identifier, "hash", issuer: certificate)
        try draft.add(NID_authority_key_identifier, "keyid:always", issuer: certificate)
        let signed = try draft.sign(issuer: certificate, key: self.key)
        return try CertificateAuthority(certificate: signed, key: key, trustDomain: trustDomain)
    }

    /// A leaf for both ends of TLS. Names in the request are ignored: it speaks for `identity`, and for the DNS names and addresses given here.
    ///
    /// Valid from two minutes ago, because clocks of rented hosts are off.
    package func issue(
        _ request: CertificateRequest, identity: PeerIdentity, dnsNames: [String] = [], addresses: [String] = [],
        validFor life: Duration = .seconds(86_400), at moment: Date = Date()
    ) throws(CryptographyError) -> Certificate {
        guard identity.trustDomain == trustDomain else { throw CryptographyError(.invalidName, "the identity is of another trust domain") }
        let draft = try CertificateDraft(
            subject: "\(identity.role.rawValue) \(identity.id.uuidString.lowercased())", key: request.key,
            notBefore: moment - CertificateAuthority.leeway, notAfter: min(moment + life.interval, certificate.notAfter))
        let names = try CertificateNames.text(identity: identity, dnsNames: dnsNames, addresses: addresses)
        try draft.add(NID_basic_constraints, "critical,CA:FALSE", issuer: certificate)
        try draft.add(NID_key_usage, "critical,digitalSignature", issuer: certificate)
        try draft.add(NID_ext_key_usage, "serverAuth,clientAuth", issuer: certificate)
        try draft.add(NID_subject_alt_name, names, issuer: certificate)
        try draft.add(NID_subject_key_identifier, "hash", issuer: certificate)
        try draft.add(NID_authority_key_identifier, "keyid:always", issuer: certificate)
        return try draft.sign(issuer: certificate, key: key)
    }

    private static let leeway: TimeInterval = 120
}

extension Duration {
    fileprivate var interval: TimeInterval { Double(components.seconds) }
}
