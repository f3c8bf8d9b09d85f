package import PlimsollWire
import Synchronization

/// Whether a drill has this gateway behave as if the control plane were gone. Safe from any thread.
package final class Solitude: Sendable {
    /// Seconds since 1970; 0: no drill.
    private let until = Atomic<Int64>(0)
    /// Of a drill that was aborted here: the end that it would have had. Tables name it for as long as the control plane does not know.
    private let aborted = Atomic<Int64>(0)

    package init() {}

    /// As a new table has it.
    package func take(_ gateways: [GatewayEntry], own: String) {
        until.store(gateways.first { $0.id == own }?.aloneUntilSeconds ?? 0, ordering: .relaxed)
    }

    package var isAlone: Bool {
        let end = until.load(ordering: .relaxed)
        return LoopClock.wallSeconds < end && end != aborted.load(ordering: .relaxed)
    }

    /// Ends the drill at this gateway, which no word of the control plane reaches meanwhile. Nothing else can be done with it.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    package func abort() -> Bool {
        guard isAlone else { return false }
        aborted.store(until.load(ordering: .relaxed), ordering: .relaxed)
        return true
    }
}
