import Cryptography
import Exchange
import FoundationEssentials
import Glibc

import PlimsollWire

@testable import Agent

/// A server that speaks TLS with a real chain and answers from files, so that the agent's own steps of joining can be watched.
final class ScriptedControlPlane: Sendable {
    private static let program = """
        import json, os, ssl, sys
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        folder = sys.argv[1]
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with open(folder + "/seen", "ab") as seen: seen.write(self.command.encode() + b" " + self.path.encode() + b" " + body + b"\\n")
                name = folder + "/answer" + self.path.split("?")[0].replace("/", "_")
                status, page = (200, open(name, "rb").read()) if os.path.exists(name) else (404, b"{}")
                if page.startswith(b"!"): status, page = int(page[1:4]), page[4:]
                self.send_response(status)
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
            do_GET = do_POST = answer
            def log_message(self, *_): pass
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/chain.pem", folder + "/server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        open(folder + "/port.new", "w").write(str(server.server_port))
        os.rename(folder + "/port.new", folder + "/port")
        server.serve_forever()
        """

    let folder: TemporaryFolder
    let state: StateDirectory
    let root: CertificateAuthority
    private let authority: CertificateAuthority

    init() throws {
        folder = try TemporaryFolder()
        state = try StateDirectory(path: folder.path + "/state")
        root = try CertificateAuthority.makeRoot()
        authority = try root.makeIntermediate()
        let key = try PrivateKey()
        let leaf = try authority.issue(
            CertificateRequest(key: key), identity: PeerIdentity(role: .control, id: UUID()), addresses: ["127.0.0.1"])
        _ = try folder.file("chain.pem", leaf.pem + authority.certificate.pem)
        _ = try folder.file("server.pem", key.pem)
        try answer(AgentPath.authority, root.certificate.pem)
    }

    /// A token whose pin is this root's, or another's.
    func token(pin: SHA256Digest? = nil) -> String {
        let digest = pin ?? root.certificate.spkiSHA256
        return "jt1.\(String(repeating: "0a", count: 16)).\(Base64.encodeURL([UInt8](repeating: 1, count: 32))).\(Base64.encodeURL(digest.bytes))"
    }

    func answer(_ path: String, _ text: String) throws {
        _ = try folder.file("answer" + path.map { $0 == "/" ? "_" : String($0) }.joined(), text)
    }

    /// What was asked so far, one request a line.
    var seen: String {
        guard let bytes = try? SecretFile.read(folder.path + "/seen") else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    func credentials(for key: PrivateKey, role: PeerIdentity.Role = .agent, joinState: Int = 1) throws -> Credentials {
        let identity = PeerIdentity(role: role, id: UUID())
        let leaf = try authority.issue(CertificateRequest(key: key), identity: identity)
        return Credentials(
            id: identity.id.uuidString.lowercased(), identity: "\(identity)", certificateChainPem: leaf.pem + authority.certificate.pem,
            authoritiesPem: root.certificate.pem, notAfter: leaf.notAfter, renewAfterSeconds: 3600, joinState: joinState)
    }

    /// Runs the server around `body`, which gets its URL.
    func serve<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let script = try folder.file("server.py", Self.program)
        let configuration = RuntimeConfiguration(
            name: "control", release: "-", dialect: .vllm, address: .tcp(host: "127.0.0.1", port: 1),
            command: ["/usr/bin/python3", script, folder.path], stopGrace: .zero)
        let process = RuntimeProcess(configuration: configuration, state: state)
        let started = try process.start()
        let port = folder.path + "/port"
        guard await eventually({ SecretFile.exists(port) }) else { throw AgentError(.unreachable, "the scripted server did not start") }
        do {
            let result = try await body("https://127.0.0.1:" + String(decoding: try SecretFile.read(port), as: UTF8.self))
            _ = await process.stop(started)
            return result
        } catch {
            _ = await process.stop(started)
            throw error
        }
    }
}
