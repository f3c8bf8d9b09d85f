import Exchange
import Glibc
import Telemetry

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

    /// The runtime that an earlier agent started with the same command, if it still lives. One with another command is stopped, and so is what a
    /// dead one left behind.
    func adopt() async -> ProcessIdentity? {
        guard let record = ProcessRecord.read(recordPath) else { return nil }
        let isAlive = record.process.isAlive
        if isAlive, record.commandHash == commandHash { return record.process }
        guard isAlive || record.bootId == KernelText.bootId else {
            ProcessRecord.remove(recordPath)
            return nil
        }
        _ = await stop(record.process)
        return nil
    }

    /// Starts the runtime. The process waits until it is on record, so that no runtime lives that the next agent could not find.
    func start() throws(AgentError) -> ProcessIdentity {
        guard !configuration.command.isEmpty else {
            throw AgentError(.runtime, "runtime \(configuration.name) has no command")
        }
        // A socket file without a listener keeps the next server from binding.
        if let socket = configuration.address.socketPath { unlink(socket) }
        let output = try log.open()
        defer { close(output) }
        let held = try HeldProcess(configuration.command, environment: environment(), output: output)
        let process = try record(held)
        do throws(AgentError) {
            try held.release()
        } catch {
            ProcessRecord.remove(recordPath)
            throw error
        }
        return process
    }

    private func record(_ held: HeldProcess) throws(AgentError) -> ProcessIdentity {
        do throws(AgentError) {
            guard let process = ProcessIdentity(living: held.pid) else { throw AgentError(.runtime, "its process ended at once") }
            try ProcessRecord(process: process, commandHash: commandHash, bootId: KernelText.bootId).write(to: recordPath)
            return process
        } catch {
            held.abandon()
            throw error
        }
    }

    /// SIGTERM to the whole group, SIGKILL after the grace time. Returns when everybody in it is gone, the leader's children too; false when the
    /// kernel does not let them go.
    func stop(_ process: ProcessIdentity) async -> Bool {
        var isGone = !process.groupIsAlive
        if !isGone {
            kill(-process.pid, SIGTERM)
            isGone = await ends(process, within: configuration.stopGrace)
        }
        if !isGone {
            kill(-process.pid, SIGKILL)
            isGone = await ends(process, within: .seconds(5))
        }
        // Last: until here the group's id was certainly this group's.
        process.reap()
        if isGone { ProcessRecord.remove(recordPath) }
        return isGone
    }

    private func ends(_ process: ProcessIdentity, within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while process.groupIsAlive {
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
}
