import Glibc
import UnixSignals

/// Signals for commands that run until they are told to stop.
package enum ProgramSignals {
    /// Cancels `work` at the first SIGINT, SIGTERM or SIGHUP and waits for its end; further signals change nothing.
    /// What it makes of that is what is returned.
    package static func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        return try await withThrowingTaskGroup(of: Ending<Value>.self) { tasks in
            tasks.addTask { .done(try await work()) }
            tasks.addTask {
                for await _ in signals { break }
                return .told
            }
            defer { tasks.cancelAll() }
            while let ending = try await tasks.next() {
                if case .done(let value) = ending { return value }
                tasks.cancelAll()
            }
            throw CancellationError()
        }
    }

    private enum Ending<Value: Sendable>: Sendable {
        case done(Value)
        case told
    }
}
