package import Cryptography
package import FoundationEssentials
package import PlimsollWire

/// Who this gateway is: its key and what the control plane gave it.
package struct GatewayIdentity: Sendable {
    package let key: PrivateKey
    package var credentials: Credentials
    /// When to ask for the next certificate.
    package var renewAt: Date
    package let region: String
    /// Public half of the key that signs routing tables.
    package let tableKey: VerifyingKey

    /// Id of this gateway, a UUID in lower case.
    package var id: String { credentials.id }

    package var trustDomain: String { PeerIdentity(credentials.identity)?.trustDomain ?? PeerIdentity.defaultTrustDomain }

    private struct File: Codable {
        var credentials: Credentials
        var renewAt: Date
        var region: String
        var tableKeyBase64: String
    }

    /// Checks what the control plane sent: the chain must lead to an authority of the answer, name a gateway, and belong to our key.
    init(key: PrivateKey, fresh answer: EnrolmentResponse) throws(EnrolmentError) {
        guard let text = answer.tableKeyBase64, let bytes = Base64.decode(text), let tableKey = try? VerifyingKey(rawBytes: bytes) else {
            throw EnrolmentError(.badAnswer, "the control plane sent no key for routing tables")
        }
        self.key = key
        self.tableKey = tableKey
        region = answer.region
        credentials = answer.credentials
        renewAt = Self.renewal(of: answer.credentials)
        try Self.check(answer.credentials, key)
    }

    private init(key: PrivateKey, file: File) throws {
        guard let bytes = Base64.decode(file.tableKeyBase64) else { throw EnrolmentError(.state, "the kept table key is damaged") }
        self.key = key
        tableKey = try VerifyingKey(rawBytes: bytes)
        region = file.region
        credentials = file.credentials
        renewAt = file.renewAt
    }

    /// The same gateway with its next certificate.
    func renewed(_ fresh: Credentials) throws(EnrolmentError) -> GatewayIdentity {
        try Self.check(fresh, key)
        var next = self
        next.credentials = fresh
        next.renewAt = Self.renewal(of: fresh)
        return next
    }

    /// What an earlier start left behind; nil when this gateway has never enrolled.
    package static func load(from folder: String) throws(EnrolmentError) -> GatewayIdentity? {
        guard SecretFile.exists(path(folder)), let key = try loadKey(from: folder) else { return nil }
        do {
            return try GatewayIdentity(key: key, file: WireCoder.decode(File.self, from: SecretFile.read(path(folder))))
        } catch {
            throw EnrolmentError(.state, "\(path(folder)) cannot be read; remove it and enrol again with a new token", cause: error)
        }
    }

    func save(to folder: String) throws(EnrolmentError) {
        let file = File(credentials: credentials, renewAt: renewAt, region: region, tableKeyBase64: Base64.encode(tableKey.rawBytes))
        do {
            try SecretFile.write(WireCoder.encode(file), to: Self.path(folder))
        } catch {
            throw EnrolmentError(.state, "the certificate cannot be written to \(folder)", cause: error)
        }
    }

    /// The kept key, so that an enrolment that was cut off goes on with the same one; else a new one, written before it is used.
    static func keyForEnrolment(in folder: String) throws(EnrolmentError) -> PrivateKey {
        if let key = try loadKey(from: folder) { return key }
        do throws(CryptographyError) {
            let key = try PrivateKey()
            try key.write(to: "\(folder)/key.pem")
            return key
        } catch {
            throw EnrolmentError(.state, "no key could be made in \(folder)", cause: error)
        }
    }

    private static func path(_ folder: String) -> String { "\(folder)/credentials.json" }

    private static func renewal(of credentials: Credentials) -> Date {
        Date().addingTimeInterval(TimeInterval(max(1, credentials.renewAfterSeconds)))
    }

    private static func loadKey(from folder: String) throws(EnrolmentError) -> PrivateKey? {
        guard SecretFile.exists("\(folder)/key.pem") else { return nil }
        do throws(CryptographyError) {
            return try PrivateKey(pem: String(decoding: SecretFile.read("\(folder)/key.pem"), as: UTF8.self))
        } catch {
            throw EnrolmentError(.state, "\(folder)/key.pem holds no usable key; remove it and enrol again with a new token", cause: error)
        }
    }

    private static func check(_ credentials: Credentials, _ key: PrivateKey) throws(EnrolmentError) {
        do throws(CryptographyError) {
            let chain = try Certificate.chain(pem: credentials.certificateChainPem)
            let authorities = try Certificate.chain(pem: credentials.authoritiesPem)
            try Certificate.verify(chain: chain, authorities: authorities, at: Date(), role: .gateway)
            guard let leaf = chain.first, leaf.belongs(to: key) else { throw CryptographyError(.untrusted, "the certificate is for another key") }
        } catch {
            throw EnrolmentError(.untrusted, "the control plane's certificate cannot be used: \(error.message)", cause: error)
        }
    }
}
