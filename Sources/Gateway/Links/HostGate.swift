import Synchronization

/// Whether a host's links take requests, to be asked for every request without a lock. The registry keeps it true to the links.
final class HostGate: Sendable {
    /// Requests that may be open at once on links that are neither closed nor draining.
    private let capacity = Atomic(0)
    private let open = Atomic(0)

    var takesRequests: Bool { open.load(ordering: .relaxed) < capacity.load(ordering: .relaxed) }

    func begin() { open.wrappingAdd(1, ordering: .relaxed) }
    func finish() { open.wrappingSubtract(1, ordering: .relaxed) }

    func setCapacity(_ requests: Int) { capacity.store(requests, ordering: .relaxed) }
}
