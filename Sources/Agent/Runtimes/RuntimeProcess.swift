import CPlatform
import Exchange
import Glibc

/// Starts, finds and stops the process of one runtime. The process is the head of a session of its own, so that it lives on when the agent dies.
struct RuntimeProcess: Sendable {
    private let configuration: RuntimeConfiguration
    private let recordPath: String
    private let commandHash: String
    let log: RuntimeLog

    init(configuration: RuntimeConfiguration, state: StateDirectory) {
        self.configuration = configuration
        recordPath = state.processRecord(runtime: configuration.name)
        commandHash = ProcessRecord.hash(command: configuration.command, environment: configuration.environment)
        log = RuntimeLog(path: state.runtimeLog(configuration.name))
    }

    /// The runtime that an earlier agent started with the same command, if it still lives.
    func adopt() async -> ProcessIdentity? {
        guard let record = ProcessRecord.read(recordPath), record.process.isAlive else { return nil }
        if record.commandHash == commandHash { return record.process }
        await stop(record.process)
        return nil
    }

    func start() throws(AgentError) -> ProcessIdentity {
        guard let program = configuration.command.first else {
            throw AgentError(.runtime, "runtime \(configuration.name) has no command")
        }
        // A socket file without a listener keeps the next server from binding.
        if let socket = configuration.address.socketPath { unlink(socket) }
        let output = try log.open()
        defer { close(output) }
        let pid = Self.spawn(program, configuration.command, environment: environment(), output: output)
        guard pid > 0 else {
            throw AgentError(.runtime, "runtime \(configuration.name) cannot be started: \(String(cString: strerror(errno)))")
        }
        guard let process = ProcessIdentity(living: pid) else {
            var status: Int32 = 0
            _ = waitpid(pid, &status, 0)
            throw AgentError(.runtime, "runtime \(configuration.name) ended at once; see \(log.path)")
        }
        try ProcessRecord(process: process, commandHash: commandHash).write(to: recordPath)
        return process
    }

    /// SIGTERM to the whole group, SIGKILL after the grace time. Returns when it is gone.
    func stop(_ process: ProcessIdentity) async {
        if process.isAlive { kill(-process.pid, SIGTERM) }
        if await !ends(process, within: configuration.stopGrace) {
            kill(-process.pid, SIGKILL)
            _ = await ends(process, within: .seconds(5))
        }
        ProcessRecord.remove(recordPath)
    }

    private func ends(_ process: ProcessIdentity, within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while process.isAlive {
            if ContinuousClock.now >= end { return false }
            // Shutting down must not be cut short by cancellation: a runtime that is left behind holds the accelerator's memory.
            let pause = Task { try? await Task.sleep(for: .milliseconds(20)) }
            _ = await pause.value
        }
        return true
    }

    /// The agent's environment without its own settings (one of them is the join token), and the runtime's on top.
    private func environment() -> [String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2, !pair[0].hasPrefix("PLIMSOLL_"), pair[0] != "NOTIFY_SOCKET" { variables[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        for (name, value) in configuration.environment { variables[name] = value }
        return variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    private static func spawn(_ program: String, _ arguments: [String], environment: [String], output: Int32) -> pid_t {
        let argumentTexts = arguments.map { strdup($0) }
        let environmentTexts = environment.map { strdup($0) }
        defer { (argumentTexts + environmentTexts).forEach { free($0) } }
        return (argumentTexts + [nil]).withUnsafeBufferPointer { argumentList in
            (environmentTexts + [nil]).withUnsafeBufferPointer { environmentList in
                program.withCString { path in
                    var options = cplatform_spawn_options()
                    options.path = path
                    options.arguments = argumentList.baseAddress
                    options.environment = environmentList.baseAddress
                    options.standard_input = -1
                    options.standard_output = output
                    options.standard_error = output
                    options.new_session = 1
                    return cplatform_spawn(&options)
                }
            }
        }
    }
}
