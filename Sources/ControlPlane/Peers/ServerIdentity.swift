import Cryptography
import FoundationEssentials
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// This program's own certificate on the port of agents and gateways, replaced long before it expires.
final class ServerIdentity: Sendable {
    private struct Present {
        var override: NIOSSLContextConfigurationOverride
        var renewAt: Date
        /// That signed it.
        var issuer: Certificate
    }

    private let authority: Authority
    private let names: [String]
    private let logger: Logger
    private let present: Mutex<Present>

    init(authority: Authority, names: [String], logger: Logger) throws {
        self.authority = authority
        self.names = names
        self.logger = logger
        present = Mutex(try Self.issue(authority, names))
    }

    /// Server side of TLS 1.3: shows the present certificate, and takes a client's certificate when it has one.
    func configuration() throws -> TLSConfiguration {
        let first = present.withLock { $0.override }
        guard let chain = first.certificateChain, let key = first.privateKey else { throw CryptographyError(.library, "no server certificate") }
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .optionalVerification
        configuration.trustRoots = .certificates(try authority.roots.map { try NIOSSLCertificate(bytes: $0.der, format: .der) })
        configuration.applicationProtocols = ["http/1.1"]
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(current()) }
        return configuration
    }

    private func current() -> NIOSSLContextConfigurationOverride {
        present.withLock { present in
            guard present.renewAt <= Date() || present.issuer != authority.intermediate.certificate else { return present.override }
            do {
                present = try Self.issue(authority, names)
            } catch {
                logger.error("Server certificate could not be renewed", metadata: ["error.code": "\(errorCode(error))"])
                present.renewAt = Date() + 60
                present.issuer = authority.intermediate.certificate
            }
            return present.override
        }
    }

    private static func issue(_ authority: Authority, _ names: [String]) throws -> Present {
        let issuer = authority.intermediate.certificate
        let (chain, key) = try authority.issueServer(names: names)
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = try chain.map { .certificate(try NIOSSLCertificate(bytes: $0.der, format: .der)) }
        override.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pem.utf8), format: .pem))
        return Present(override: override, renewAt: Date() + 43_200, issuer: issuer)
    }
}
