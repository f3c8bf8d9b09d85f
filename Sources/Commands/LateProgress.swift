import Synchronization

/// A progress line that appears only when the work takes its time.
final class LateProgress: Sendable {
    private let status = Mutex("working")

    /// What the line says from now on.
    func show(_ text: String) {
        status.withLock { $0 = text }
    }

    /// Does the work; the line is shown from `patience` after its start until its end.
    static func over<Value: Sendable>(
        _ title: String, after patience: Duration = .seconds(1), to descriptor: Int32 = ProgressLine.standardError,
        _ work: (LateProgress) async throws -> Value
    ) async throws -> Value {
        let late = LateProgress()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await late.tick(title, after: patience, to: descriptor) }
            defer { group.cancelAll() }
            return try await work(late)
        }
    }

    private func tick(_ title: String, after patience: Duration, to descriptor: Int32) async {
        // Cancellation ends the pause, and then there is nothing to show.
        try? await Task.sleep(for: patience)
        guard !Task.isCancelled else { return }
        let line = ProgressLine(title, to: descriptor)
        while !Task.isCancelled {
            line.show(status.withLock { $0 })
            // Cancellation ends the pause and the loop.
            try? await Task.sleep(for: .milliseconds(500))
        }
        line.clear()
    }
}
