import Cryptography
package import Logging
package import PlimsollWire
import Telemetry

/// Turns a one-use token into an identity of this host.
package struct Enrolment: Sendable {
    private let client: ControlPlaneClient
    private let state: StateDirectory
    private let logger: Logger

    package init(client: ControlPlaneClient, state: StateDirectory, logger: Logger = Logger(label: "enrolment")) {
        self.client = client
        self.state = state
        self.logger = logger
    }

    /// The identity of an earlier enrolment, or a new one. Keeps trying while the control plane cannot be reached; throws what asking again
    /// cannot change: a token that is damaged, used, expired or forged, or an authority that is not the pinned one.
    package func identity(token: String?, version: String, link: LinkClass, linkAddress: String?) async throws -> HostIdentity {
        if let known = try HostIdentity.load(from: state) { return known }
        guard let token else {
            throw AgentError(.badToken, "this host has not joined yet: set PLIMSOLL_JOIN_TOKEN to a token made with `plimsoll hosts invite`")
        }
        let joining = try JoinToken(token)
        var backoff = Backoff(minimum: .milliseconds(500), maximum: .seconds(15))
        while true {
            do throws(AgentError) {
                return try await enrol(joining, version: version, link: link, linkAddress: linkAddress)
            } catch {
                guard error.code == .unreachable else { throw error }
                logger.warning("enrolment waits for the control plane", metadata: ["error.reason": "\(error.message)"])
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    private func enrol(_ token: JoinToken, version: String, link: LinkClass, linkAddress: String?) async throws(AgentError) -> HostIdentity {
        let root = try pinnedRoot(in: await client.authority(), pin: token.pin)
        let key = try HostIdentity.keyForEnrolment(in: state)
        let request = EnrolmentRequest(
            token: token.text, certificateRequestPem: try Self.certificateRequest(key), hostname: HostInventory.hostname(), version: version,
            bootId: KernelText.bootId, link: link, linkAddress: linkAddress)
        let answer = try await client.enrol(request, authority: root)
        let identity = try HostIdentity(key: key, fresh: answer.credentials)
        try identity.save(to: state)
        return identity
    }

    /// The one certificate of the answer whose key is the pinned one: only that is trusted from here on.
    private func pinnedRoot(in pem: String, pin: SHA256Digest) throws(AgentError) -> String {
        let offered: [Certificate]
        do throws(CryptographyError) {
            offered = try Certificate.chain(pem: pem)
        } catch {
            throw AgentError(.untrusted, "the server at this address does not answer like a control plane", cause: error)
        }
        guard let root = offered.first(where: { $0.spkiSHA256 == pin }) else {
            throw AgentError(.untrusted, "the control plane at this address is not the one that made the join token: nothing was sent to it")
        }
        return root.pem
    }

    static func certificateRequest(_ key: PrivateKey) throws(AgentError) -> String {
        do throws(CryptographyError) {
            return try CertificateRequest(key: key).pem
        } catch {
            throw AgentError(.state, "no certificate request could be made", cause: error)
        }
    }
}
