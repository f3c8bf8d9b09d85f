import FoundationEssentials
import Glibc
import TestSupport

/// nginx on a free port, as a proxy that reads each request to its end and passes it on.
final class Nginx: Sendable {
    struct DidNotStart: Error {}

    let port: Int
    private let folder: String
    private let process: pid_t

    init(upstream: Int) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/plimsoll-nginx-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var started: (port: Int, process: pid_t)?
        // A port may be taken between the choice and the start.
        for _ in 0..<20 where started == nil {
            let port = Int.random(in: 20_000...32_000)
            try Nginx.configuration(folder, port: port, upstream: upstream).write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
            let process = try ToolRun.spawn(["/usr/sbin/nginx", "-p", folder, "-c", folder + "/nginx.conf"])
            if await Nginx.answers(port, process) { started = (port, process) }
        }
        guard let started else { throw DidNotStart() }
        (port, process) = started
    }

    func stop() async throws {
        kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        try FileManager.default.removeItem(atPath: folder)
    }

    /// False when it has ended instead.
    private static func answers(_ port: Int, _ process: pid_t) async -> Bool {
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            if let client = try? await TestClient(port: port) {
                try? await client.close()
                return true
            }
            await Task.yield()
        }
        return false
    }

    private static func configuration(_ folder: String, port: Int, upstream: Int) -> String {
        """
        daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/error.log; worker_processes 1;
        events { worker_connections 1024; }
        http {
          access_log off; client_body_temp_path \(folder)/b; proxy_temp_path \(folder)/p; fastcgi_temp_path \(folder)/f;
          uwsgi_temp_path \(folder)/u; scgi_temp_path \(folder)/s;
          server { listen 127.0.0.1:\(port); location / { proxy_pass http://127.0.0.1:\(upstream); proxy_ignore_client_abort on; } }
        }
        """
    }
}
