import NIOCore
import NIOSSL
import Synchronization

/// Key, certificate chain and authorities that this side proves itself with. Replaced on renewal: handshakes that begin later use the new ones,
/// open links stay.
package final class LinkCredentials: Sendable {
    private struct Contexts: Sendable {
        let dialling: NIOSSLContext
        let listening: NIOSSLContext
    }

    /// Name of the protocol in the TLS handshake (ALPN).
    static let applicationProtocol = "plimsoll-link/1"

    private let contexts: Mutex<Contexts>

    /// Reads and checks the PEMs. `certificateChainPem`: leaf first, then intermediates; `authoritiesPem`: every root to trust.
    package init(certificateChainPem: String, privateKeyPem: String, authoritiesPem: String) throws(LinkError) {
        contexts = Mutex(try Self.contexts(chain: certificateChainPem, key: privateKeyPem, authorities: authoritiesPem))
    }

    package func replace(certificateChainPem: String, privateKeyPem: String, authoritiesPem: String) throws(LinkError) {
        let fresh = try Self.contexts(chain: certificateChainPem, key: privateKeyPem, authorities: authoritiesPem)
        contexts.withLock { $0 = fresh }
    }

    var dialling: NIOSSLContext { contexts.withLock { $0.dialling } }
    var listening: NIOSSLContext { contexts.withLock { $0.listening } }

    private static func contexts(chain: String, key: String, authorities: String) throws(LinkError) -> Contexts {
        do {
            var common = TLSConfiguration.makeClientConfiguration()
            common.minimumTLSVersion = .tlsv13
            // Names say nothing here: peers are known by the SPIFFE identity in their certificate, which the gate reads.
            common.certificateVerification = .noHostnameVerification
            common.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8)))
            common.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).map { .certificate($0) }
            common.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
            common.applicationProtocols = [applicationProtocol]
            // A link is closed because it is over or because the peer is silent; there is nothing to wait for.
            common.shutdownTimeout = .milliseconds(100)
            let context = try NIOSSLContext(configuration: common)
            return Contexts(dialling: context, listening: context)
        } catch {
            throw LinkError(.badCredentials, "certificate chain, key or authorities cannot be used", cause: error)
        }
    }
}
