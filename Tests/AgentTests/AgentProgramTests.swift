import Cryptography
import Glibc
import Outbound
import PlimsollWire
import Testing

@testable import Agent

@Suite("The program itself", .timeLimit(.minutes(2)))
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

    private var log: String { String(decoding: (try? SecretFile.read(folder.path + "/log")) ?? [], as: UTF8.self) }

    private func start(_ url: String, token: String, state: String, command: [String] = []) throws -> ProcessIdentity {
        let socket = command.last ?? folder.path + "/r.sock"
        let settings = try folder.file(
            "agent.json",
            """
            {"control_url": "\(url)", "state_dir": "\(state)", "operations": {"listen": "unix:\(folder.path)/o.sock"},
            "join_token": "\(token)",
            "runtimes": [{"name": "tiny", "release": "x", "dialect": "llamacpp", "address": "unix:\(socket)", "command": \(command)}]}
            """)
        let output = try RuntimeLog(path: folder.path + "/log").open()
        defer { close(output) }
        let held = try HeldProcess([try program, "serve", "--config", settings], environment: ["PATH=/usr/bin"], output: output)
        let process = try #require(ProcessIdentity(living: held.pid))
        try held.release()
        return process
    }

    private func ask(_ path: String) async -> (status: Int, body: String)? {
        let request = OutboundRequest(url: "http://agent" + path, unixSocketPath: folder.path + "/o.sock")
        guard let answer = try? await OutboundClient().send(request) else { return nil }
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// Its exit status as `wait` gives it.
    private func end(_ process: ProcessIdentity, by signal: Int32) async -> Int32 {
        kill(process.pid, signal)
        #expect(await eventually { !process.isAlive })
        kill(process.pid, SIGKILL)
        var status: Int32 = -1
        waitpid(process.pid, &status, 0)
        return status
    }

    @Test("while its control plane is away it says that it lives and what it waits for, and ends as soon as it is told to")
    func answersWhileItWaits() async throws {
        let token = "jt1.\(String(repeating: "0a", count: 16)).\(Base64.encodeURL([UInt8](repeating: 1, count: 32)))."
        let pin = Base64.encodeURL([UInt8](repeating: 2, count: 32))
        let process = try start("https://127.0.0.1:1", token: token + pin, state: folder.path + "/state")
        #expect(await eventually { await ask("/healthz")?.status == 200 })
        let ready = await ask("/readyz")
        #expect(ready?.status == 503 && ready?.body.contains("enrolment") == true)
        #expect(await eventually { log.contains("enrolment waits for the control plane") })
        #expect(await end(process, by: SIGTERM) == 0)
        #expect(log.contains("draining after a signal"))
    }

    @Test("killed, it leaves its runtime to the next one, which ends it with itself")
    func handsRuntimeOn() async throws {
        let tiny = try TinyRuntime()
        let server = try ScriptedControlPlane()
        let key = try HostIdentity.keyForEnrolment(in: server.state)
        let answer = EnrolmentResponse(credentials: try server.credentials(for: key), region: "eu")
        try server.answer(AgentPath.enrol, String(decoding: try WireCoder.encode(answer), as: UTF8.self))
        try await server.serve { url in
            var runtimes: [Int32?] = []
            for signal in [SIGKILL, SIGTERM] {
                let agent = try start(url, token: server.token(), state: server.state.path, command: tiny.configuration.command)
                #expect(await eventually { await ask("/readyz")?.body == "not ready: link\n" })
                runtimes.append(ProcessRecord.read(server.state.processRecord(runtime: "tiny"))?.process.pid)
                #expect(await end(agent, by: signal) == (signal == SIGKILL ? SIGKILL : 0))
            }
            let runtime = try #require(runtimes.first ?? nil)
            #expect(runtimes == [runtime, runtime])
            #expect(ProcessIdentity(living: runtime) == nil)
        }
    }
}
