import COpenSSL
package import FoundationEssentials

/// A certificate (X.509) that was read; nothing in it is trusted before `verify`.
package struct Certificate: Sendable, Equatable {
    let handle: CertificateHandle
    package let der: [UInt8]
    /// The only identity in its URI names; nil when there is none or more than one.
    package let identity: PeerIdentity?
    package let notBefore: Date
    package let notAfter: Date
    /// Lower-case hexadecimal.
    package let serial: String
    /// SHA-256 of the SubjectPublicKeyInfo: what a join token pins.
    package let spkiSHA256: SHA256Digest

    package init(der: [UInt8]) throws(CryptographyError) {
        var position: UnsafePointer<UInt8>?
        let parsed = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            position = bytes.baseAddress
            let certificate = d2i_X509(nil, &position, bytes.count)
            guard position == bytes.baseAddress.map({ $0 + bytes.count }) else {
                X509_free(certificate)
                return nil
            }
            return certificate
        }
        guard let parsed else { throw .fromQueue(.malformed, "not a certificate in DER") }
        try self.init(handle: CertificateHandle(owning: parsed))
    }

    /// The first certificate of the text.
    package init(pem: String) throws(CryptographyError) {
        guard let first = try Certificate.chain(pem: pem).first else { throw CryptographyError(.malformed, "not a certificate in PEM") }
        self = first
    }

    /// Every certificate of the text in its order, at most 16.
    package static func chain(pem: String) throws(CryptographyError) -> [Certificate] {
        guard pem.utf8.count <= 1 << 18 else { throw CryptographyError(.malformed, "certificate text is too long") }
        let buffer = try MemoryBuffer(Array(pem.utf8))
        var chain: [Certificate] = []
        while let pointer = PEM_read_bio_X509(buffer.pointer, nil, nil, nil) {
            chain.append(try Certificate(handle: CertificateHandle(owning: pointer)))
            guard chain.count <= 16 else { throw CryptographyError(.malformed, "more than 16 certificates") }
        }
        // "No start line" is how the reader says that the text has ended; anything else is a broken certificate.
        let last = ERR_peek_last_error()
        ERR_clear_error()
        guard ERR_GET_REASON(last) == PEM_R_NO_START_LINE, !chain.isEmpty else {
            throw CryptographyError(.malformed, "not certificates in PEM")
        }
        return chain
    }

    init(handle: CertificateHandle) throws(CryptographyError) {
        self.handle = handle
        der = try handle.der()
        notBefore = try CertificateHandle.date(X509_get0_notBefore(handle.pointer))
        notAfter = try CertificateHandle.date(X509_get0_notAfter(handle.pointer))
        serial = try handle.serial()
        spkiSHA256 = Hash.sha256(try handle.publicKeyInfo())
        let identities = handle.uris().map { PeerIdentity($0) }
        identity = identities.count == 1 ? identities[0] : nil
    }

    package var pem: String {
        let body = Base64.encode(der)
        var lines = ["-----BEGIN CERTIFICATE-----"]
        for start in stride(from: 0, to: body.utf8.count, by: 64) {
            lines.append(String(decoding: body.utf8.dropFirst(start).prefix(64), as: UTF8.self))
        }
        lines.append("-----END CERTIFICATE-----\n")
        return lines.joined(separator: "\n")
    }

    /// SHA-256 of the DER.
    package var fingerprint: SHA256Digest { Hash.sha256(der) }

    package func belongs(to key: PrivateKey) -> Bool {
        defer { ERR_clear_error() }
        return X509_check_private_key(handle.pointer, key.handle.pointer) == 1
    }

    package static func == (one: Certificate, other: Certificate) -> Bool {
        one.der == other.der
    }
}
