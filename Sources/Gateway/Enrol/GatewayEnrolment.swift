import Cryptography
import Domain
import FoundationEssentials
import Glibc
package import Logging
import PlimsollWire
import Telemetry

/// Turns a one-use token into an identity of this gateway.
package struct GatewayEnrolment: Sendable {
    private let client: ControlPlaneClient
    private let folder: String
    private let logger: Logger

    /// - Parameter folder: An existing folder of mode 0700 that keeps key and certificate.
    package init(client: ControlPlaneClient, folder: String, logger: Logger) {
        self.client = client
        self.folder = folder
        self.logger = logger
    }

    /// The identity of an earlier enrolment, or a new one. Keeps trying while the control plane cannot be reached; throws what asking again
    /// cannot change: a token that is damaged, used, expired or forged, or an authority that is not the pinned one.
    ///
    /// - Parameter advertise: `host:port` where agents dial this gateway.
    package func identity(token: String?, version: String, advertise: String) async throws -> GatewayIdentity {
        if let known = try GatewayIdentity.load(from: folder) { return known }
        guard let token else { throw EnrolmentError(.badToken, "this gateway has not joined yet and was given no join token") }
        guard let joining = JoinToken(token) else { throw EnrolmentError(.badToken, "the join token is damaged; it may have been cut") }
        let backoff = Backoff(first: .milliseconds(500), cap: .seconds(15))
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        while true {
            do throws(EnrolmentError) {
                return try await enrol(joining, version: version, advertise: advertise)
            } catch {
                guard error.code == .unreachable else { throw error }
                failures += 1
                logger.warning("enrolment waits for the control plane", metadata: ["error.reason": "\(error.message)"])
                try await Task.sleep(for: backoff.delay(afterFailures: failures, using: &generator))
            }
        }
    }

    private func enrol(_ token: JoinToken, version: String, advertise: String) async throws(EnrolmentError) -> GatewayIdentity {
        let root = try pinnedRoot(in: await client.authority(), pin: token.pin)
        let key = try GatewayIdentity.keyForEnrolment(in: folder)
        let request = EnrolmentRequest(
            token: token.text, certificateRequestPem: try Self.certificateRequest(key), hostname: ThisMachine.hostname, version: version,
            bootId: KernelText.bootId, advertise: advertise)
        let identity = try GatewayIdentity(key: key, fresh: await client.enrol(request, authority: root))
        try identity.save(to: folder)
        return identity
    }

    /// The one certificate of the answer whose key is the pinned one: only that is trusted from here on.
    private func pinnedRoot(in pem: String, pin: [UInt8]) throws(EnrolmentError) -> String {
        let offered: [Certificate]
        do throws(CryptographyError) {
            offered = try Certificate.chain(pem: pem)
        } catch {
            throw EnrolmentError(.untrusted, "the server at this address does not answer like a control plane", cause: error)
        }
        guard let root = offered.first(where: { $0.spkiSHA256.bytes == pin }) else {
            throw EnrolmentError(.untrusted, "the control plane at this address is not the one that made the join token: nothing was sent to it")
        }
        return root.pem
    }

    static func certificateRequest(_ key: PrivateKey) throws(EnrolmentError) -> String {
        do throws(CryptographyError) {
            return try CertificateRequest(key: key).pem
        } catch {
            throw EnrolmentError(.state, "no certificate request could be made", cause: error)
        }
    }
}

/// What a control plane is told about the machine.
enum ThisMachine {
    static var hostname: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
