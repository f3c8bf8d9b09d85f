import Glibc
import Synchronization

/// What is being done right now, on standard error: one line that is written over on a terminal, a line for each change elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var shown = ""
    }

    static let standardError = STDERR_FILENO
    private static let begun = "…"

    private let title: String
    private let descriptor: Int32
    private let began = ContinuousClock.now
    private let isTerminal: Bool
    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: For which what is shown in between is no news: of something that needs a moment, nothing is said of the moment.
    init(_ title: String, patience: Duration = .zero, to descriptor: Int32 = ProgressLine.standardError) {
        self.patience = patience
        self.title = PrintableText.clean(title)
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        show(Self.begun)
    }

    func show(_ status: String) {
        guard status == Self.begun || ContinuousClock.now - began >= patience else { return }
        let isNew = state.withLock { state in
            defer { state.shown = status }
            return state.shown != status
        }
        if isTerminal {
            write("\r\u{1b}[K\(title): \(PrintableText.clean(status)) (\(seconds) s)")
        } else if isNew, status != Self.begun {
            write("\(title): \(PrintableText.clean(status))\n")
        }
    }

    func end(_ status: String) {
        write("\(isTerminal ? "\r\u{1b}[K" : "")\(title): \(PrintableText.clean(status)) (\(seconds) s)\n")
    }

    /// Takes the line off a terminal; elsewhere what was written stays.
    func clear() {
        if isTerminal { write("\r\u{1b}[K") }
    }

    private var seconds: String {
        let elapsed = (ContinuousClock.now - began).components
        return "\(elapsed.seconds).\(elapsed.attoseconds / 100_000_000_000_000_000)"
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        // A terminal that is gone is no reason to stop the work.
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
