import CPlatform
import Glibc
import Telemetry

/// A process that this installation started, told apart from a later one with the same id by its start time.
struct DevProcess: Sendable, Equatable {
    let pid: pid_t
    /// Clock ticks between boot and the process's start.
    let startTicks: UInt64

    init?(living pid: pid_t) {
        guard pid > 1, let stat = ProcessStat(pid: pid), stat.isAlive else { return nil }
        self.pid = pid
        startTicks = stat.startTicks
    }

    init(pid: pid_t, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    /// `<pid> <start ticks>`, whatever follows.
    init?(line: Substring) {
        let fields = line.split(separator: " ")
        guard fields.count >= 2, let pid = pid_t(fields[0]), let ticks = UInt64(fields[1]) else { return nil }
        self.init(pid: pid, startTicks: ticks)
    }

    var isAlive: Bool {
        // A child of ours that ended stays as a zombie until somebody asks.
        waitpid(pid, nil, WNOHANG)
        return DevProcess(living: pid) == self
    }

    /// To the whole group when it leads one. A recycled id is never signalled.
    func send(_ signal: Int32) {
        guard isAlive else { return }
        kill(getpgid(pid) == pid ? -pid : pid, signal)
    }

    func sendToItAlone(_ signal: Int32) {
        if isAlive { kill(pid, signal) }
    }

    func end(within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while isAlive {
            guard ContinuousClock.now < deadline else { return false }
            await DevPause.short()
        }
        return true
    }
}

/// Pauses between looks at something that cannot wake us.
enum DevPause {
    static func short() async {
        do {
            try await Task.sleep(for: .milliseconds(50))
        } catch {
            // Cancelled: whoever waits looks at its deadline or at the cancellation next.
            await Task.yield()
        }
    }
}

/// What to start and how.
struct DevProgram: Sendable {
    var path: String
    var arguments: [String]
    var environment: [String: String] = [:]
    /// Takes standard output and standard error; appended to.
    var log: String
    var directory: String?
    var account: DevAccount?

    func start() throws(CommandFailure) -> DevProcess {
        let output = cplatform_open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard output >= 0 else { throw CommandFailure(.refused, "\(log) cannot be written: \(String(cString: strerror(errno)))") }
        defer { close(output) }
        let pid = spawn(output)
        guard pid > 0, let process = DevProcess(living: pid) else {
            throw CommandFailure(
                .refused, "\(path) cannot be started: \(pid > 0 ? "it ended at once, see \(log)" : String(cString: strerror(errno)))")
        }
        return process
    }

    /// Runs to the end; a status other than zero is a failure that shows the end of the log.
    func run(within limit: Duration) async throws(CommandFailure) {
        let output = cplatform_open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(output) }
        let pid = spawn(output)
        guard pid > 0 else { throw CommandFailure(.refused, "\(path) cannot be started: \(String(cString: strerror(errno)))") }
        let deadline = ContinuousClock.now + limit
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline {
                kill(-pid, SIGKILL)
                waitpid(pid, nil, 0)
                throw CommandFailure(.refused, "\(path) did not end within \(limit)")
            }
            await DevPause.short()
        }
        if status != 0 { throw CommandFailure(.refused, "\(path) failed:\n\(DevLog.tail(log))") }
    }

    private func spawn(_ output: Int32) -> pid_t {
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        return words.withUnsafeMutableBufferPointer { words in
            settings.withUnsafeMutableBufferPointer { settings in
                path.withCString { path in
                    (directory ?? "/").withCString { directory in
                        var options = cplatform_spawn_options()
                        options.path = path
                        options.arguments = UnsafePointer(words.baseAddress)
                        options.environment = UnsafePointer(settings.baseAddress)
                        options.directory = directory
                        options.standard_input = -1
                        options.standard_output = output
                        options.standard_error = output
                        options.new_session = 1
                        options.user = account?.user ?? 0
                        options.group = account?.group ?? 0
                        return cplatform_spawn(&options)
                    }
                }
            }
        }
    }
}

/// An account of this machine.
struct DevAccount: Sendable {
    let user: uid_t
    let group: gid_t

    init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        user = entry.pointee.pw_uid
        group = entry.pointee.pw_gid
    }
}
