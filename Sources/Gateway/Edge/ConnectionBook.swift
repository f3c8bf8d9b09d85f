import Domain
import Synchronization
import Telemetry

/// That one connection is counted; to be left once.
struct ConnectionPlace {
    let leave: () -> Void
}

/// How many connections customers have open, in all and from each address. Shared by the loops; touched when one opens or closes, never by requests.
final class ConnectionBook: Sendable {
    private let most: Int
    /// From one address; 0: no bound.
    private let mostEach: Int
    /// Whoever connects from this machine is one of its own programs, such as a proxy or a load generator, unless a bound was set for all.
    private let boundsThisMachine: Bool
    private let open = Atomic<Int>(0)
    private let sites = Mutex<[NetworkAddress: Int]>([:])

    init(_ settings: GatewaySettings) {
        most = settings.connections
        mostEach = settings.connectionsPerAddress ?? settings.usualConnectionsPerAddress
        boundsThisMachine = settings.connectionsPerAddress != nil
    }

    var isFull: Bool { open.load(ordering: .relaxed) >= most }

    /// Counts a connection until it leaves. Nil: its address has as many as it may, which is counted.
    func enter(from address: NetworkAddress?, _ loop: GatewayLoop) -> ConnectionPlace? {
        guard let place = enterSite(address, loop) else { return nil }
        open.add(1, ordering: .relaxed)
        return ConnectionPlace {
            self.open.subtract(1, ordering: .relaxed)
            place.leave()
        }
    }

    /// As `enter`, for a connection that is counted in all already. Who has one IPv6 address has a network of 64 bits of them; proxies, and who has
    /// no address, may have any number.
    func enterSite(_ address: NetworkAddress?, _ loop: GatewayLoop) -> ConnectionPlace? {
        guard let site = boundedSite(address), !loop.settings.trust.isProxy(address) else { return ConnectionPlace {} }
        guard enter(site) else {
            loop.metrics.edge.refusedConnections.increment()
            return nil
        }
        return ConnectionPlace { self.leave(site) }
    }

    /// Nil: it may have any number.
    func boundedSite(_ address: NetworkAddress?) -> NetworkAddress? {
        guard mostEach > 0, let address, boundsThisMachine || !address.isLoopback else { return nil }
        return address.site
    }

    private func enter(_ site: NetworkAddress) -> Bool {
        sites.withLock { sites in
            let count = sites[site, default: 0]
            guard count < mostEach else { return false }
            sites[site] = count + 1
            return true
        }
    }

    private func leave(_ site: NetworkAddress) {
        sites.withLock { sites in
            let left = (sites[site] ?? 1) - 1
            sites[site] = left > 0 ? left : nil
        }
    }
}
