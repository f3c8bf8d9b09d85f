import Exchange
import NIOCore
import PlimsollWire
import Synchronization

/// Whether a host's links take requests, to be asked for every request without a lock. The registry keeps it true to the links.
final class HostGate: Sendable {
    /// Requests that may be open at once on links that are neither closed nor draining.
    private let capacity = Atomic(0)
    private let open = Atomic(0)
    private let send: (@Sendable (ExchangeRequest) -> Void)?

    /// - Parameter send: Sends what needs no answer to the host. Nil: there is no way.
    init(send: (@Sendable (ExchangeRequest) -> Void)? = nil) {
        self.send = send
    }

    /// Tells the host's other gateways, through it, of this one's places at a worker.
    func tell(_ places: PlacesTold, worker: String) {
        guard let send, let body = try? WireCoder.encode(places) else { return }
        send(ExchangeRequest(path: LinkPath.places, requestId: "places", worker: worker, body: ByteBuffer(bytes: body)))
    }

    var takesRequests: Bool { open.load(ordering: .relaxed) < capacity.load(ordering: .relaxed) }

    func begin() { open.wrappingAdd(1, ordering: .relaxed) }
    func finish() { open.wrappingSubtract(1, ordering: .relaxed) }

    func setCapacity(_ requests: Int) { capacity.store(requests, ordering: .relaxed) }
}
