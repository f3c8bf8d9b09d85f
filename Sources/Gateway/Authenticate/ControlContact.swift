import NIOCore
import Synchronization

/// When the control plane last confirmed that the table in force is the newest one. A process that starts from its kept table counts from
/// its start.
package final class ControlContact: Sendable {
    private let last: Atomic<UInt64>

    package convenience init() { self.init(lastNoted: .now()) }

    init(lastNoted: NIODeadline) {
        last = Atomic(lastNoted.uptimeNanoseconds)
    }

    package func note() { note(at: .now()) }

    func note(at moment: NIODeadline) {
        last.store(moment.uptimeNanoseconds, ordering: .relaxed)
    }

    /// Seconds.
    var age: Int {
        let now = NIODeadline.now().uptimeNanoseconds
        let then = last.load(ordering: .relaxed)
        return now > then ? Int((now - then) / 1_000_000_000) : 0
    }
}
