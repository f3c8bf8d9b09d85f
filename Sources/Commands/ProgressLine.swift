import Glibc
import Synchronization

/// What is being done right now, on standard error: one line that is written over on a terminal, a line for each change elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var shown = ""
    }

    private let title: String
    private let began = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    init(_ title: String) {
        self.title = title
        show("…")
    }

    func show(_ status: String) {
        let isNew = state.withLock { state in
            defer { state.shown = status }
            return state.shown != status
        }
        if isTerminal {
            write("\r\u{1b}[K\(title): \(status) (\(seconds) s)")
        } else if isNew, status != "…" {
            write("\(title): \(status)\n")
        }
    }

    func end(_ status: String) {
        write("\(isTerminal ? "\r\u{1b}[K" : "")\(title): \(status) (\(seconds) s)\n")
    }

    private var seconds: String {
        let elapsed = (ContinuousClock.now - began).components
        return "\(elapsed.seconds).\(elapsed.attoseconds / 100_000_000_000_000_000)"
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        // A terminal that is gone is no reason to stop the work.
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
