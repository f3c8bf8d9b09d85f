import Cryptography
import FoundationEssentials
import Glibc
import NIOCore
import NIOSSL
import Synchronization

/// The certificate chain and key that the customers' port proves itself with, read from their files. A new pair is for connections that begin
/// later; open ones stay.
package final class EdgeCertificates: Sendable {
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// What tells that a file was replaced or written.
    private struct Stamp: Equatable, Sendable {
        var inode: UInt64 = 0
        var bytes: Int64 = 0
        var seconds: Int = 0
        var nanoseconds: Int = 0

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            inode = UInt64(status.st_ino)
            bytes = Int64(status.st_size)
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
        }
    }

    private struct State: Sendable {
        var context: NIOSSLContext
        var notAfter: Int
        /// Of the files as they were read last, whether they were good or not.
        var stamps: [Stamp]
    }

    private let chainFile: String
    private let keyFile: String
    private let state: Mutex<State>

    package init(chainFile: String, keyFile: String) throws(Refusal) {
        self.chainFile = chainFile
        self.keyFile = keyFile
        let stamps = [Stamp(chainFile), Stamp(keyFile)]
        let (context, notAfter) = try Self.read(chainFile, keyFile)
        state = Mutex(State(context: context, notAfter: notAfter, stamps: stamps))
    }

    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Seconds since 1970.
    var notAfter: Int { state.withLock { $0.notAfter } }

    /// True: what was read last is not what is there now.
    var isChanged: Bool {
        let now = [Stamp(chainFile), Stamp(keyFile)]
        return state.withLock { $0.stamps != now }
    }

    /// Puts the files' pair in force, or throws and leaves the old one.
    func reload(nowSeconds: Int = Int(Date().timeIntervalSince1970)) throws(Refusal) {
        let stamps = [Stamp(chainFile), Stamp(keyFile)]
        state.withLock { $0.stamps = stamps }
        let (context, notAfter) = try Self.read(chainFile, keyFile)
        guard notAfter > nowSeconds else { throw Refusal(description: "the certificate in \(chainFile) has expired") }
        state.withLock { state in
            state.context = context
            state.notAfter = notAfter
        }
    }

    private static func read(_ chainFile: String, _ keyFile: String) throws(Refusal) -> (NIOSSLContext, Int) {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(try SecretFile.read(chainFile))
            guard let leaf = chain.first else { throw Refusal(description: "\(chainFile) holds no certificate") }
            let key = try NIOSSLPrivateKey(bytes: try SecretFile.read(keyFile), format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            // Forward secrecy and authenticated encryption; TLS 1.3 has nothing else.
            configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
            configuration.applicationProtocols = ["h2", "http/1.1"]
            configuration.shutdownTimeout = .seconds(1)
            return (try NIOSSLContext(configuration: configuration), Int(leaf.notValidAfter))
        } catch let refusal as Refusal {
            throw refusal
        } catch let error as CryptographyError {
            throw Refusal(description: error.message)
        } catch {
            throw Refusal(description: "\(chainFile) and \(keyFile) are no certificate chain and key that belong together")
        }
    }
}
