import Exchange
import Glibc
import PlimsollWire
import Testing

@testable import Agent

@Suite("Supervised runtimes are real processes", .timeLimit(.minutes(2)))
struct SupervisorTests {
    /// A small runtime on a unix socket that answers health, model and metrics.
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
        Server(sys.argv[1], Handler).serve_forever()
        """

    private func configuration(_ folder: TemporaryFolder) throws -> RuntimeConfiguration {
        let script = try folder.file("runtime.py", Self.program)
        let socket = folder.path + "/r.sock"
        return RuntimeConfiguration(
            name: "tiny", release: "tiny-1", dialect: .llamacpp, address: .unix(path: socket), command: ["/usr/bin/python3", script, socket],
            stopGrace: .seconds(5))
    }

    private func pid(_ state: StateDirectory) -> Int32? { ProcessRecord.read(state.processRecord(runtime: "tiny"))?.process.pid }

    private func supervise<Result: Sendable>(
        _ status: RuntimeStatus, _ state: StateDirectory, keeps: Bool, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await RuntimeSupervisor(status: status, state: state, keepsRuntime: keeps).run() }
            let result = try await body()
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    @Test("it is started, described and, at the end, stopped")
    func startsAndStops() async throws {
        let folder = try TemporaryFolder()
        let state = try StateDirectory(path: folder.path + "/state")
        let status = RuntimeStatus(configuration: try configuration(folder))
        let pid = try await supervise(status, state, keeps: false) {
            #expect(await eventually { status.isReady && status.report.slots == 4 && status.load.running == 2 })
            #expect(status.report.servedModel == "tiny")
            #expect(status.report.contextTokens == 512)
            return try #require(self.pid(state))
        }
        #expect(kill(pid, 0) == -1)
        #expect(status.report.state == .stopped)
    }

    @Test("killed: started again, under another process id")
    func restarts() async throws {
        let folder = try TemporaryFolder()
        let state = try StateDirectory(path: folder.path + "/state")
        let status = RuntimeStatus(configuration: try configuration(folder))
        try await supervise(status, state, keeps: false) {
            #expect(await eventually { status.isReady })
            let first = try #require(pid(state))
            #expect(kill(first, SIGKILL) == 0)
            #expect(await eventually { self.pid(state) != first && status.isReady })
        }
    }

    @Test("the next agent adopts the runtime of the last one; with another command it starts its own")
    func adopts() async throws {
        let folder = try TemporaryFolder()
        let state = try StateDirectory(path: folder.path + "/state")
        var settings = try configuration(folder)
        let first = RuntimeStatus(configuration: settings)
        let pid = try await supervise(first, state, keeps: true) {
            #expect(await eventually { first.isReady })
            return try #require(self.pid(state))
        }
        let second = RuntimeStatus(configuration: settings)
        try await supervise(second, state, keeps: true) {
            #expect(await eventually { second.isReady })
            #expect(self.pid(state) == pid)
        }
        settings.environment = ["TINY": "2"]
        let third = RuntimeStatus(configuration: settings)
        try await supervise(third, state, keeps: false) {
            #expect(await eventually { third.isReady && self.pid(state) != pid })
        }
        #expect(kill(pid, 0) == -1)
    }

    @Test("a log that grew too large is moved aside while the runtime goes on writing to it")
    func rotatesLog() throws {
        let folder = try TemporaryFolder()
        let log = RuntimeLog(path: folder.path + "/r.log", limit: 8)
        let descriptor = try log.open()
        defer { close(descriptor) }
        let text: [UInt8] = Array("0123456789".utf8)
        #expect(write(descriptor, text, text.count) == 10)
        #expect(log.rotateIfLarge())
        #expect(write(descriptor, text, 3) == 3)
        var facts = stat()
        #expect(stat(log.path, &facts) == 0 && facts.st_size == 3)
        #expect(stat(log.path + ".1", &facts) == 0 && facts.st_size == 10)
    }
}
