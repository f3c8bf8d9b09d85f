import Synchronization

/// A text that passes through gateways as a customer's prompt all the time, so that a log in which prompts are written has it. Every line that this
/// process logs is looked at for it.
package enum LogCanary {
    /// What probes through public endpoints ask.
    package static let text = "Count from one to one hundred in words."

    private static let bytes = Array(text.utf8)
    private static let found = Atomic(0)

    /// Lines of this process that had it; one is too many.
    package static var lines: Int { found.load(ordering: .relaxed) }

    static func look(at line: [UInt8]) {
        if line.contains(bytes) { found.wrappingAdd(1, ordering: .relaxed) }
    }
}
