package import Foundation

/// A whole small installation of the real programs: PostgreSQL, control plane, gateway, two agents with a runtime each, started by `plimsoll dev`
/// on ports and in a folder of its own, and stopped with everything it started.
package final class Installation: Sendable {
    package let state: String
    package let environment: [String: String]
    private let dev: ChildProcess
    private let guardian: ChildProcess

    package var url: String { environment["PLIMSOLL_URL"] ?? "" }
    package var model: String { environment["PLIMSOLL_MODEL"] ?? "" }
    package var key: String { environment["PLIMSOLL_API_KEY"] ?? "" }
    package var adminURL: String { environment["PLIMSOLL_ADMIN_URL"] ?? "" }
    package var portBase: Int { Int(environment["PLIMSOLL_PORT_BASE"] ?? "") ?? 0 }

    /// Lends an installation for the length of a test.
    package static func with(runtime: String = "simulated", settings: [String: String] = [:], _ body: (Installation) async throws -> Void)
        async throws
    {
        let installation = try await start(runtime: runtime, settings: settings)
        do {
            try await body(installation)
            await installation.stop()
        } catch {
            // The logs are the only witnesses of what went wrong.
            installation.showLogs()
            await installation.stop()
            throw error
        }
    }

    private static func start(runtime: String, settings: [String: String]) async throws -> Installation {
        let state = "/tmp/plimsoll-e2e-" + UUID().uuidString.prefix(8).lowercased()
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        var environment = settings
        environment["PLIMSOLL_STATE"] = state
        environment["PLIMSOLL_PORT_BASE"] = "\(try FreePorts.base())"
        environment["PLIMSOLL_LLAMA_PYTHON"] = Checkout.python("llama")
        environment["PLIMSOLL_LLAMA_WORKER"] = Checkout.root + "/Deploy/runtimes/llama_worker.py"
        let errors = state + ".log"
        let dev = try ChildProcess(Checkout.program("plimsoll"), ["dev", "--runtime", runtime], environment: environment, errors: errors)
        let guardian = try Self.guardian(of: dev.pid)
        let file = state + "/demo.env"
        do {
            try await Waiting.until("a ready installation", within: .seconds(90)) {
                guard dev.isRunning else {
                    throw Waiting.Timeout(description: "plimsoll dev ended: " + tail(of: errors) + dev.lines.suffix(10).joined(separator: "\n"))
                }
                return try await isReady(file)
            }
        } catch {
            print(tail(of: errors), dev.lines.suffix(20).joined(separator: "\n"))
            await dev.stop()
            for path in [state, errors] { try? FileManager.default.removeItem(atPath: path) }
            throw error
        }
        return Installation(state: state, environment: environment.merging(demoEnvironment(file)) { $1 }, dev: dev, guardian: guardian)
    }

    private init(state: String, environment: [String: String], dev: ChildProcess, guardian: ChildProcess) {
        self.state = state
        self.environment = environment
        self.dev = dev
        self.guardian = guardian
    }

    /// A shell that waits on a pipe of which this process holds the other end: however the tests end, nothing stays behind.
    private static func guardian(of dev: pid_t) throws -> ChildProcess {
        let script = "cat >/dev/null; grep -qa plimsoll /proc/\(dev)/cmdline 2>/dev/null && kill -TERM \(dev)"
        return try ChildProcess("/usr/bin/setsid", ["sh", "-c", script])
    }

    /// The process id that `demo.env` says now, for example of `gateway`, `agent:alpha`, `runtime:alpha`.
    package func pid(_ name: String) throws -> Int32 {
        let pids = Self.demoEnvironment(state + "/demo.env")["PLIMSOLL_PIDS"] ?? ""
        let pair = pids.split(separator: " ").first { $0.hasPrefix(name + "=") }
        guard let pid = pair?.split(separator: "=").last.flatMap({ Int32($0) }) else {
            throw Waiting.Timeout(description: "no process \(name) in: \(pids)")
        }
        return pid
    }

    package func kill(_ name: String, _ signal: Int32 = SIGKILL) throws {
        let pid = try pid(name)
        guard Foundation.kill(pid, signal) == 0 else { throw Waiting.Timeout(description: "\(name), process \(pid), is not there") }
    }

    /// Waits until a process that was killed has been started again.
    package func restarted(_ name: String, from old: Int32, within limit: Duration = .seconds(30)) async throws {
        try await Waiting.until("\(name) started again", within: limit) { ((try? pid(name)) ?? old) != old }
    }

    /// Waits until an agent says that its runtime is ready and a gateway linked; hosts count from 0.
    package func serves(host: Int, within limit: Duration = .seconds(30)) async throws {
        let url = "http://127.0.0.1:\(portBase + 202 + 10 * host)/readyz"
        try await Waiting.until("host \(host) serves", within: limit) { try await HTTPCall.send("GET", url).status == 200 }
    }

    package func admin(_ method: String, _ path: String, _ body: String? = nil) async throws -> HTTPCall {
        try await HTTPCall.send(
            method, adminURL + "/admin/v1" + path, headers: ["Authorization": "Bearer " + (environment["PLIMSOLL_ADMIN_TOKEN"] ?? "")], body: body)
    }

    /// Runs the command line as its operator does; gives its exit code and what it prints.
    package func command(_ words: [String], within limit: Duration = .seconds(60)) async throws -> (code: Int32, text: String) {
        let child = try ChildProcess(Checkout.program("plimsoll"), words, environment: environment, errors: state + "/commands.log")
        let code = try await child.ended(within: limit)
        return (code, child.lines.joined(separator: "\n"))
    }

    package func chat(_ body: String, key: String? = nil) async throws -> HTTPCall {
        try await HTTPCall.send("POST", url + "/v1/chat/completions", headers: ["Authorization": "Bearer " + (key ?? self.key)], body: body)
    }

    /// One short question, not streamed; true when it was answered.
    package func answers() async throws -> Bool {
        try await chat(#"{"model":"\#(model)","max_tokens":4,"messages":[{"role":"user","content":"hello"}]}"#).status == 200
    }

    package func load(
        customers: Int = 40, turns: Int = 0, maxTokens: Int = 40, seconds: Int = 90, plain: Bool = false, prompt: String = "Say something to"
    ) throws -> LoadClient {
        try LoadClient(
            url: url, key: key, model: model, customers: customers, turns: turns, maxTokens: maxTokens, seconds: seconds, plain: plain,
            prompt: prompt)
    }

    /// All text that any process has written into files here, but for PostgreSQL's own files.
    package func filesOutsideTheDatabase() throws -> [String: Data] {
        var found = ["dev.log": FileManager.default.contents(atPath: state + ".log") ?? Data()]
        let files = FileManager.default.enumerator(atPath: state)
        while let path = files?.nextObject() as? String {
            guard !path.hasPrefix("postgres"), let data = FileManager.default.contents(atPath: state + "/" + path) else { continue }
            found[path] = data
        }
        return found
    }

    private func stop() async {
        await dev.stop(grace: .seconds(40))
        for pair in (Self.demoEnvironment(state + "/demo.env")["PLIMSOLL_PIDS"] ?? "").split(separator: " ") {
            // `dev` stops its children; one that outlived it must not outlive the test.
            if let pid = pair.split(separator: "=").last.flatMap({ Int32($0) }), isOurs(pid) { Foundation.kill(pid, SIGKILL) }
        }
        do {
            try guardian.closeInput()
            for path in [state, state + ".log"] { try FileManager.default.removeItem(atPath: path) }
        } catch {
            print("left behind: \(state)")
        }
    }

    /// A process id may have gone to somebody else since.
    private func isOurs(_ pid: Int32) -> Bool {
        let parts = ["cmdline", "environ"].compactMap { FileManager.default.contents(atPath: "/proc/\(pid)/\($0)") }
        return parts.contains { String(decoding: $0, as: UTF8.self).contains(state) }
    }

    private func showLogs() {
        let logs = (try? FileManager.default.contentsOfDirectory(atPath: state + "/logs")) ?? []
        for name in logs.sorted() { print("--- \(name)\n\(Self.tail(of: state + "/logs/" + name))") }
        print("--- dev\n\(Self.tail(of: state + ".log"))")
    }

    private static func tail(of path: String) -> String {
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }

    private static func isReady(_ file: String) async throws -> Bool {
        let values = demoEnvironment(file)
        guard let url = values["PLIMSOLL_URL"], let key = values["PLIMSOLL_API_KEY"], let model = values["PLIMSOLL_MODEL"] else { return false }
        let body = #"{"model":"\#(model)","max_tokens":1,"messages":[{"role":"user","content":"ready?"}]}"#
        return try await HTTPCall.send("POST", url + "/v1/chat/completions", headers: ["Authorization": "Bearer \(key)"], body: body).status == 200
    }

    static func demoEnvironment(_ file: String) -> [String: String] {
        guard let data = FileManager.default.contents(atPath: file) else { return [:] }
        var values: [String: String] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, !line.hasPrefix("#") else { continue }
            let name = parts[0].replacingOccurrences(of: "export ", with: "")
            let value = parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "\"'"))
            values[name] = value
        }
        return values
    }
}
