import Cryptography
import Glibc
import Outbound
import Testing

@testable import Agent

/// The program itself.
@Suite("While the control plane is away", .timeLimit(.minutes(2)))
struct AgentProgramTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Programs lie beside the tests.
    private var program: String {
        get throws {
            var path = [CChar](repeating: 0, count: 4096)
            let length = readlink("/proc/self/exe", &path, path.count)
            let tests = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return tests.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/plimsoll-agent"
        }
    }

    private func start() throws -> ProcessIdentity {
        let token = "jt1.\(String(repeating: "0a", count: 16)).\(Base64.encodeURL([UInt8](repeating: 1, count: 32)))."
        let settings = try folder.file(
            "agent.json",
            """
            {"control_url": "https://127.0.0.1:1", "state_dir": "\(folder.path)/state", "operations": {"listen": "unix:\(folder.path)/o.sock"},
            "join_token": "\(token)\(Base64.encodeURL([UInt8](repeating: 2, count: 32)))",
            "runtimes": [{"name": "r", "release": "x", "dialect": "vllm", "address": "unix:\(folder.path)/r.sock"}]}
            """)
        let log = try RuntimeLog(path: folder.path + "/log").open()
        defer { close(log) }
        let held = try HeldProcess([try program, "serve", "--config", settings], environment: ["PATH=/usr/bin"], output: log)
        let process = try #require(ProcessIdentity(living: held.pid))
        try held.release()
        return process
    }

    private func ask(_ path: String) async -> (status: Int, body: String)? {
        guard let answer = try? await OutboundClient().send(OutboundRequest(url: "http://agent" + path, unixSocketPath: folder.path + "/o.sock"))
        else { return nil }
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    @Test("the agent says that it lives and what it waits for, and ends as soon as it is told to")
    func answersWhileItWaits() async throws {
        let process = try start()
        defer {
            kill(process.pid, SIGKILL)
            process.reap()
        }
        #expect(await eventually { await ask("/healthz")?.status == 200 })
        let ready = try #require(await ask("/readyz"))
        #expect(ready.status == 503 && ready.body.contains("enrolment"))
        let waits = "enrolment waits for the control plane"
        #expect(await eventually { String(decoding: (try? SecretFile.read(folder.path + "/log")) ?? [], as: UTF8.self).contains(waits) })
        #expect(kill(process.pid, SIGTERM) == 0)
        #expect(await eventually(within: .seconds(10)) { !process.isAlive })
        let log = String(decoding: try SecretFile.read(folder.path + "/log"), as: UTF8.self)
        #expect(log.contains("draining after a signal"))
    }
}
