import Outbound

/// An authority with a server's and a client's certificate, made by the openssl command.
final class TestAuthority: Sendable {
    let folder: TestFolder
    let authorityPem: String
    let client: OutboundIdentity

    init() throws {
        folder = try TestFolder()
        let path = folder.path
        try Self.openssl(["req", "-x509", "-subj", "/CN=root", "-days", "2", "-keyout", "\(path)/ca.key", "-out", "\(path)/ca.pem"] + Self.newKey)
        for (name, extensions) in [("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")] {
            try folder.write("\(name).ext", extensions + "\n")
            try Self.openssl(["req", "-subj", "/CN=\(name)", "-keyout", "\(path)/\(name).key", "-out", "\(path)/\(name).csr"] + Self.newKey)
            try Self.openssl([
                "x509", "-req", "-in", "\(path)/\(name).csr", "-CA", "\(path)/ca.pem", "-CAkey", "\(path)/ca.key", "-CAcreateserial", "-days", "1",
                "-extfile", "\(path)/\(name).ext", "-out", "\(path)/\(name).pem",
            ])
        }
        authorityPem = try folder.read("ca.pem")
        client = OutboundIdentity(certificateChainPem: try folder.read("client.pem"), privateKeyPem: try folder.read("client.key"))
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    private static func openssl(_ arguments: [String]) throws {
        try runToEnd("/usr/bin/openssl", arguments)
    }

    /// `openssl s_server` on a free port, which demands a client certificate of this authority when asked to.
    func server(demandsCertificate: Bool) async throws -> (process: ServerProcess, port: Int) {
        let output = folder.file("server.out")
        var arguments = ["s_server", "-accept", "0", "-cert", folder.file("server.pem"), "-key", folder.file("server.key"), "-www"]
        if demandsCertificate { arguments += ["-Verify", "1", "-verify_return_error", "-CAfile", folder.file("ca.pem")] }
        let process = try ServerProcess("/usr/bin/openssl", arguments, output: output)
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(10)
        while clock.now < deadline {
            let line = try? folder.read("server.out").split(separator: "\n").first { $0.hasPrefix("ACCEPT ") }
            if let port = line?.split(separator: ":").last.flatMap({ Int($0) }) { return (process, port) }
            await Task.yield()
        }
        throw TestFault("openssl s_server did not come up")
    }

    /// nginx with HTTP/2 on a unix socket; `/` answers the negotiated protocol, `/upload` takes a body.
    func http2Server() throws -> (process: ServerProcess, socket: String) {
        let socket = folder.file("h2.sock")
        let path = folder.path
        try folder.write(
            "nginx.conf",
            """
            daemon off; master_process off; pid \(path)/pid; error_log \(path)/error.log;
            events {}
            http {
              access_log off; client_body_temp_path \(path)/b; proxy_temp_path \(path)/p; fastcgi_temp_path \(path)/f; uwsgi_temp_path \(path)/u;
              scgi_temp_path \(path)/s;
              server {
                listen unix:\(socket) ssl http2; ssl_certificate \(path)/server.pem; ssl_certificate_key \(path)/server.key;
                location / { return 200 "$server_protocol $connection"; }
              }
            }
            """)
        return (try ServerProcess("/usr/sbin/nginx", ["-p", path, "-c", "\(path)/nginx.conf"]), socket)
    }
}

/// Calls until the server has come up, for ten seconds at most.
func whenUp<Value>(_ attempt: () async throws -> Value) async throws -> Value {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(10)
    while true {
        do {
            return try await attempt()
        } catch let error as OutboundError where error.code == .connectFailed && clock.now < deadline {
            await Task.yield()
        }
    }
}
