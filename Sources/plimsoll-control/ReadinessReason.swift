import Program
import Synchronization

/// One thing that readiness waits for, with the words of the moment for why.
final class ReadinessReason: Sendable {
    private let name: String
    private let readiness: Readiness
    private let present: Mutex<String>

    /// - Parameter name: As readiness has been waiting for it from the start.
    init(_ name: String, of readiness: Readiness) {
        self.name = name
        self.readiness = readiness
        present = Mutex(name)
    }

    /// Nil: nothing is wrong.
    func set(_ problem: String?) {
        present.withLock { present in
            let old = present
            if let problem {
                present = "\(name): \(problem)"
                // The new one first, so that the program is not ready for a moment in between.
                readiness.block(present)
            }
            if problem == nil || old != present { readiness.clear(old) }
        }
    }
}
