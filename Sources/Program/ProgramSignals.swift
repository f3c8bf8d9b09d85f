import Glibc
import UnixSignals

/// Signals for commands that run until they are told to stop.
package enum ProgramSignals {
    /// Cancels `work` at the first SIGINT, SIGTERM or SIGHUP and waits for its end; further signals change nothing.
    package static func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await work()
                return true
            }
            tasks.addTask {
                for await _ in signals { return false }
                return false
            }
            defer { tasks.cancelAll() }
            guard try await tasks.next() == false else { return }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }
}
