package import PlimsollWire
import Synchronization

/// Whether a drill has this gateway behave as if the control plane were gone. Safe from any thread.
package final class Solitude: Sendable {
    /// Seconds since 1970; 0: no drill.
    private let until = Atomic<Int64>(0)

    package init() {}

    /// As a new table has it.
    package func take(_ gateways: [GatewayEntry], own: String) {
        until.store(gateways.first { $0.id == own }?.aloneUntilSeconds ?? 0, ordering: .relaxed)
    }

    package var isAlone: Bool { LoopClock.wallSeconds < until.load(ordering: .relaxed) }
}
