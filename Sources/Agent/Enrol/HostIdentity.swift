import Cryptography
package import FoundationEssentials
package import PlimsollWire

/// Who this host is: its key and the credentials that the control plane gave it last.
package struct HostIdentity: Sendable {
    let key: PrivateKey
    package var credentials: Credentials
    /// When to ask for the next certificate.
    package var renewAt: Date

    package var isExpired: Bool { credentials.notAfter <= Date() }

    package var trustDomain: String {
        PeerIdentity(credentials.identity)?.trustDomain ?? PeerIdentity.defaultTrustDomain
    }

    private struct File: Codable {
        var credentials: Credentials
        var renewAt: Date
    }

    init(key: PrivateKey, credentials: Credentials, renewAt: Date) {
        self.key = key
        self.credentials = credentials
        self.renewAt = renewAt
    }

    /// Checks what the control plane sent before it replaces anything: the chain must lead to an authority of the answer, name an agent,
    /// and belong to our key.
    init(key: PrivateKey, fresh credentials: Credentials, at now: Date = Date()) throws(AgentError) {
        do throws(CryptographyError) {
            let chain = try Certificate.chain(pem: credentials.certificateChainPem)
            let authorities = try Certificate.chain(pem: credentials.authoritiesPem)
            try Certificate.verify(chain: chain, authorities: authorities, at: now, role: .agent)
            guard let leaf = chain.first, leaf.belongs(to: key) else {
                throw CryptographyError(.untrusted, "the certificate is for another key")
            }
        } catch {
            throw AgentError(.untrusted, "the control plane's certificate cannot be used: \(error.message)", cause: error)
        }
        let renewAt = now.addingTimeInterval(TimeInterval(max(1, credentials.renewAfterSeconds)))
        self.init(key: key, credentials: credentials, renewAt: renewAt)
    }

    /// What an earlier start left behind; nil when this host has never enrolled.
    package static func load(from state: StateDirectory) throws(AgentError) -> HostIdentity? {
        guard SecretFile.exists(state.credentials), let key = try loadKey(from: state) else { return nil }
        do {
            let file = try WireCoder.decode(File.self, from: SecretFile.read(state.credentials))
            return HostIdentity(key: key, credentials: file.credentials, renewAt: file.renewAt)
        } catch {
            throw AgentError(.state, "\(state.credentials) cannot be read; remove it and enrol again with a new token", cause: error)
        }
    }

    /// The kept key, so that an enrolment that was cut off goes on with the same one; else a new one, written before it is used.
    static func keyForEnrolment(in state: StateDirectory) throws(AgentError) -> PrivateKey {
        if let key = try loadKey(from: state) { return key }
        do throws(CryptographyError) {
            let key = try PrivateKey()
            try key.write(to: state.key)
            return key
        } catch {
            throw AgentError(.state, "no key could be made in \(state.path)", cause: error)
        }
    }

    func save(to state: StateDirectory) throws(AgentError) {
        do {
            try SecretFile.write(WireCoder.encode(File(credentials: credentials, renewAt: renewAt)), to: state.credentials)
        } catch {
            throw AgentError(.state, "the certificate cannot be written to \(state.credentials)", cause: error)
        }
    }

    private static func loadKey(from state: StateDirectory) throws(AgentError) -> PrivateKey? {
        guard SecretFile.exists(state.key) else { return nil }
        do throws(CryptographyError) {
            return try PrivateKey(pem: String(decoding: SecretFile.read(state.key), as: UTF8.self))
        } catch {
            throw AgentError(.state, "\(state.key) holds no usable key; remove it and enrol again with a new token", cause: error)
        }
    }
}
