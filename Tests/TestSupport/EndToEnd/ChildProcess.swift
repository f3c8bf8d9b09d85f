import Foundation
package import Glibc
import Synchronization

/// A program that a test started: its standard output as lines, its exit status, and ways to end it.
///
/// Made with `posix_spawn`, and inherits nothing; Foundation's `Process` lets children that are started at the same time
/// inherit each other's, and then misses their ends.
package final class ChildProcess: Sendable {
    package let pid: pid_t
    private let input: Mutex<FileHandle?>
    private let output = LineCollector()
    private let status = Mutex<Int32?>(nil)

    package var isRunning: Bool { status.withLock { $0 == nil } }
    package var lines: [String] { output.lines }

    /// Whether it left a file of its memory behind when a signal ended it.
    package var dumpedCore: Bool { status.withLock { ($0 ?? 0) & 0x80 != 0 } }

    /// `errors`: the file that gets its standard error; nil throws it away.
    package init(_ program: String, _ arguments: [String], environment: [String: String] = [:], errors: String? = nil) throws {
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
        let (toChild, fromChild) = (try Self.pipe(), try Self.pipe())
        pid = try Self.spawn([program] + arguments, variables, input: toChild.read, output: fromChild.write, errors: errors ?? "/dev/null")
        close(toChild.read)
        close(fromChild.write)
        input = Mutex(FileHandle(fileDescriptor: toChild.write, closeOnDealloc: true))
        let reader = FileHandle(fileDescriptor: fromChild.read, closeOnDealloc: true)
        // Two threads that block; both end with the child.
        Thread.detachNewThread { [output] in output.readAll(reader) }
        Thread.detachNewThread { [self] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            self.status.withLock { $0 = status }
        }
    }

    package func closeInput() throws {
        try input.withLock { handle in
            try handle?.close()
            handle = nil
        }
    }

    package func signal(_ number: Int32) {
        // While its end has not been noticed, its id belongs to nobody else.
        if isRunning { kill(pid, number) }
    }

    /// Waits until the lines satisfy the condition; throws when the deadline passes or the program has ended without it.
    package func wait(_ what: String, within limit: Duration, until condition: ([String]) -> Bool) async throws {
        try await Waiting.until(what, within: limit) { condition(lines) || (!isRunning && output.isComplete) }
        guard condition(lines) else { throw Waiting.Timeout(description: "the program ended before: \(what)") }
    }

    /// Waits for its end and returns its exit status, or the number of the signal that ended it.
    @discardableResult
    package func ended(within limit: Duration) async throws -> Int32 {
        try await Waiting.until("end of process \(pid)", within: limit) { !isRunning && output.isComplete }
        let status = status.withLock { $0 } ?? 0
        return status & 0x7f == 0 ? (status >> 8) & 0xff : status & 0x7f
    }

    /// Asks it to end, then makes it end.
    package func stop(grace: Duration = .seconds(20)) async {
        signal(SIGTERM)
        do {
            try await Waiting.until("end after SIGTERM", within: grace) { !isRunning }
        } catch {
            signal(SIGKILL)
        }
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Waiting.Timeout(description: "no pipe could be made: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(_ arguments: [String], _ variables: [String], input: Int32, output: Int32, errors: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        try Inheritance.end(&actions)
        // Threads of the shared pool block signals, and a child would inherit that: SIGTERM would never reach it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = arguments.map { strdup($0) }
        let settings = variables.map { strdup($0) }
        defer { (words + settings).forEach { free($0) } }
        var child = pid_t()
        let status = posix_spawnp(&child, arguments[0], &actions, &attributes, words + [nil], settings + [nil])
        guard status == 0 else { throw Waiting.Timeout(description: "\(arguments[0]) could not be started: \(status)") }
        return child
    }
}

/// Cuts what a pipe brings into lines.
private final class LineCollector: Sendable {
    private struct State {
        var partial = Data()
        var lines: [String] = []
        var isComplete = false
    }

    private let state = Mutex(State())
    var lines: [String] { state.withLock { $0.lines } }
    var isComplete: Bool { state.withLock { $0.isComplete } }

    /// Blocks until the pipe's other end is closed.
    func readAll(_ handle: FileHandle) {
        while case let data = handle.availableData, !data.isEmpty { take(data) }
        state.withLock { $0.isComplete = true }
    }

    private func take(_ data: Data) {
        state.withLock { state in
            state.partial.append(data)
            while let end = state.partial.firstIndex(of: UInt8(ascii: "\n")) {
                state.lines.append(String(decoding: state.partial[state.partial.startIndex..<end], as: UTF8.self))
                state.partial = Data(state.partial[(end + 1)...])
            }
        }
    }
}
