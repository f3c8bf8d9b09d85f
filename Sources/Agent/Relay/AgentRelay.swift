import Exchange
package import Link
package import NIOCore
import PlimsollWire
import Synchronization

/// Answers gateways on this host's links: relays an exact list of paths to runtimes, and reports. Everything else ends here with 404.
package final class AgentRelay: LinkServing {
    private struct WayKey: Hashable {
        var loop: ObjectIdentifier
        var runtime: ObjectIdentifier
    }

    /// From one loop to one runtime.
    private struct Way {
        var pool: RuntimePool
        var arrivals: Arrivals
    }

    private let status: HostStatus
    private let limits: RelayLimits
    private let ways = Mutex<[WayKey: NIOLoopBound<Way>]>([:])
    private let open = OpenRelays()
    private let bell: ReportBell
    private let places = ToldPlaces()

    package convenience init(status: HostStatus, limits: RelayLimits = RelayLimits()) {
        self.init(status: status, limits: limits, bell: ReportBell())
    }

    /// - Parameter bell: rung when the state of the host or of a runtime changes.
    init(status: HostStatus, limits: RelayLimits = RelayLimits(), bell: ReportBell) {
        self.status = status
        self.limits = limits
        self.bell = bell
    }

    /// What becomes of a request, by its head alone.
    enum Decision {
        case report
        case places(worker: String)
        case relay(RuntimeStatus, requestId: String, worker: String)
        case refuse(RelayRefusal)
    }

    package func serve(_ request: LinkRequest, on stream: LinkServerStream) -> any LinkStreamReceiver {
        switch decide(request) {
        case .report:
            return ReportStream(status: status, places: places, gateway: request.gateway, stream: stream, limits: limits, bell: bell)
        case .places(let worker):
            return PlacesRequest(worker: worker, gateway: request.gateway, places: places, bell: bell, stream: stream)
        case .refuse(let reason):
            return RefusedRequest(reason, on: stream)
        case .relay(let runtime, let requestId, let worker):
            bell.ring()
            let way = way(to: runtime, on: stream.eventLoop)
            return RelayedRequest(
                RelayedRequest.Parts(
                    path: request.path, requestId: requestId, worker: worker, window: .milliseconds(Int64(request.batchWindow)), runtime: runtime,
                    host: status, pool: way.pool, arrivals: way.arrivals, limits: limits, open: open), on: stream)
        }
    }

    /// A request that is to be relayed is counted as open from here on; whoever relays it ends it.
    func decide(_ request: LinkRequest) -> Decision {
        if request.method == "GET", request.path == LinkPath.reports { return .report }
        if request.method == "POST", request.path == LinkPath.places, request.hasBody {
            guard let worker = request.worker, status.workers.contains(where: { $0.id == worker }) else { return .refuse(.unknownWorker) }
            return .places(worker: worker)
        }
        guard request.method == "POST", LinkPath.relayed.contains(request.path), request.hasBody else { return .refuse(.pathNotAllowed) }
        guard let requestId = request.requestId, Self.isRequestId(requestId) else { return .refuse(.pathNotAllowed) }
        guard let worker = request.worker else { return .refuse(.unknownWorker) }
        switch status.begin(worker: worker) {
        case .failure(let refused): return .refuse(refused.reason)
        case .success(let runtime): return .relay(runtime, requestId: requestId, worker: worker)
        }
    }

    /// Gives up every request that is open now; gateways see their answers as cut. Returns how many.
    package func cutOpenRequests() -> Int { open.cutAll() }

    /// Ids go into the runtime's request head, so only what an id is made of passes.
    private static func isRequestId(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    private func way(to runtime: RuntimeStatus, on loop: any EventLoop) -> Way {
        let key = WayKey(loop: ObjectIdentifier(loop), runtime: ObjectIdentifier(runtime))
        let bound = ways.withLock { ways -> NIOLoopBound<Way> in
            if let way = ways[key] { return way }
            let pool = RuntimePool(address: runtime.configuration.address, eventLoop: loop)
            let way = NIOLoopBound(Way(pool: pool, arrivals: Arrivals(runtime: runtime, eventLoop: loop)), eventLoop: loop)
            ways[key] = way
            return way
        }
        return bound.value
    }
}

/// Bounds of the relay.
package struct RelayLimits: Sendable {
    /// Of one request's body, bytes: the greatest that a tier can allow, and what the gateway adds to it.
    package var bodyBytes = (64 << 20) + (64 << 10)
    /// Of all bodies that are held, from their first byte to the first of the answer, bytes.
    package var collectingBytes = 96 << 20
    /// From a request's head to the end of its body.
    package var bodyTime: TimeAmount = .seconds(60)
    /// Shortest and longest time between two reports.
    package var reportMinimum: TimeAmount = .milliseconds(250)
    package var reportMaximum: TimeAmount = .seconds(2)

    package init() {}
}
