import Exchange
import Logging
import PlimsollWire

@testable import Agent

/// A small runtime on a unix socket, as a real process, that answers health, model and metrics, and makes no token.
final class TinyRuntime: Sendable {
    private static let program = """
        import json, os, socketserver, sys
        from http.server import BaseHTTPRequestHandler
        PAGES = {"/health": {"status": "ok"}, "/v1/models": {"data": [{"id": "tiny"}]},
                 "/props": {"total_slots": 4, "default_generation_settings": {"n_ctx": 512}}}
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = b"llamacpp:requests_processing 2\\n" if self.path == "/metrics" else json.dumps(PAGES.get(self.path, {})).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
            def address_string(self): return "local"
            def log_message(self, *_): pass
        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): daemon_threads = True
        print("hello from tiny", flush=True)
        Server(sys.argv[-1], Handler).serve_forever()
        """

    let folder: TemporaryFolder
    let state: StateDirectory
    let configuration: RuntimeConfiguration
    let logger = Logger(label: "agent tests", factory: { _ in SwiftLogNoOpLogHandler() })

    init() throws {
        folder = try TemporaryFolder()
        state = try StateDirectory(path: folder.path + "/state")
        let script = try folder.file("runtime.py", Self.program)
        let socket = folder.path + "/r.sock"
        configuration = RuntimeConfiguration(
            name: "tiny", release: "tiny-1", dialect: .llamacpp, address: .unix(path: socket),
            command: ["/usr/bin/python3", script, "--socket", socket],
            stopGrace: .seconds(5))
    }

    /// The process on record.
    var pid: Int32? { ProcessRecord.read(state.processRecord(runtime: "tiny"))?.process.pid }

    /// The same runtime, made by a shell script in place of the program.
    func shell(_ script: String) -> RuntimeConfiguration {
        var configuration = configuration
        configuration.command = ["/bin/sh", "-c", script]
        configuration.stopGrace = .milliseconds(200)
        return configuration
    }

    func supervise<Result: Sendable>(
        _ status: RuntimeStatus, keeps: Bool = false, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { [state, logger] group in
            group.addTask { try await RuntimeSupervisor(status: status, state: state, keepsRuntime: keeps, logger: logger).run() }
            let result = try await body()
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }
}
