import Exchange
package import Link
package import NIOCore
package import PlimsollWire
import Synchronization
import Telemetry

/// Which hosts have links, and how loaded their workers are. Safe from any thread.
package final class LinkRegistry: Sendable {
    private struct Host {
        var links: [LinkConnection] = []
        /// Workers that its reports spoke of, at most as many as fit into a report.
        var reported: Set<String> = []
        var lastReport: LinkReport?
    }

    private struct State {
        var hosts: [String: Host] = [:]
        var loads: [String: WorkerLoad] = [:]
        /// By host, linked or only named in the table.
        var gates: [String: HostGate] = [:]
        /// Host of each worker, from the table; nil before the first table.
        var owners: [String: String]?
    }

    private let state = Mutex(State())
    private let changes = Atomic<UInt64>(0)
    let metrics: LinkMetrics

    package init(metrics: LinkMetrics = LinkMetrics()) {
        self.metrics = metrics
    }

    /// Changes whenever a link came or went.
    var version: UInt64 { changes.load(ordering: .acquiring) }

    /// Of every host, with the version that they are of.
    var links: (UInt64?, [String: [LinkConnection]]) {
        state.withLock { (version, $0.hosts.mapValues(\.links)) }
    }

    /// True: a request would find a link.
    package func isLinked(host: String) -> Bool {
        state.withLock { state in state.hosts[host]?.links.contains(where: \.takesRequests) ?? false }
    }

    /// Live load of a worker; made at the first call. Keep it rather than ask again.
    package func load(worker: String) -> WorkerLoad {
        state.withLock { Self.load(worker, &$0) }
    }

    /// Whether the host's links take requests; made at the first call. Keep it rather than ask again.
    func gate(host: String) -> HostGate {
        state.withLock { state in
            Self.gate(host, &state) { [weak self] in self?.tell($0, host) }
        }
    }

    /// Sends what needs no answer over any link of the host.
    private func tell(_ request: ExchangeRequest, _ host: String) {
        let link = state.withLock { state in state.hosts[host]?.links.first(where: \.takesRequests) }
        guard let link else { return }
        link.eventLoop.execute { _ = link.start(request, receiver: UnheardAnswer()) }
    }

    /// Hosts with at least one open link.
    package var linkedHosts: [String] {
        state.withLock { state in state.hosts.filter { !$0.value.links.isEmpty }.keys.sorted() }
    }

    /// No host has a link, and the table names more than one.
    var isCutOff: Bool {
        state.withLock { state in
            state.hosts.values.allSatisfy(\.links.isEmpty) && Set((state.owners ?? [:]).values).count > 1
        }
    }

    /// Which worker belongs to which host, from the routing table. From the first call on, hosts are believed about their own workers only.
    package func assign(_ workers: [WorkerEntry]) {
        let owners = Dictionary(workers.map { ($0.id, $0.host) }, uniquingKeysWith: { first, _ in first })
        let pending = state.withLock { state in
            state.owners = owners
            state.loads = state.loads.filter { owners[$0.key] != nil || $0.value.inFlight > 0 }
            let named = Set(owners.values)
            state.gates = state.gates.filter { named.contains($0.key) || state.hosts[$0.key] != nil }
            return state.hosts.compactMap { host, known in known.lastReport.map { (host, $0) } }
        }
        for (host, report) in pending { take(report, of: host) }
    }

    private static func load(_ worker: String, _ state: inout State) -> WorkerLoad {
        if let known = state.loads[worker] { return known }
        let made = WorkerLoad()
        state.loads[worker] = made
        return made
    }

    private static func gate(_ host: String, _ state: inout State, send: @escaping @Sendable (ExchangeRequest) -> Void) -> HostGate {
        if let known = state.gates[host] { return known }
        let made = HostGate(send: send)
        state.gates[host] = made
        adjustGate(host, &state)
        return made
    }

    private static func adjustGate(_ host: String, _ state: inout State) {
        let usable = state.hosts[host]?.links.filter { $0.isOpen && !$0.isDraining } ?? []
        state.gates[host]?.setCapacity(usable.reduce(0) { $0 + $1.maximumStreams })
    }

    private func take(_ report: LinkReport, of host: String) {
        let now = NIODeadline.now()
        let own = state.withLock { state -> [(LinkReport.Worker, WorkerLoad)] in
            guard state.hosts[host] != nil else { return [] }
            state.hosts[host]?.lastReport = report
            let believed = report.workers.filter { state.owners == nil || state.owners?[$0.id] == host }
            state.hosts[host]?.reported = Set(believed.map(\.id))
            return believed.map { ($0, Self.load($0.id, &state)) }
        }
        for (worker, load) in own { load.take(worker, of: report.state, at: now) }
    }
}

extension LinkRegistry: LinkDelegate {
    package func linkOpened(_ link: LinkConnection) {
        metrics.opened.increment()
        metrics.links.add(1)
        state.withLock { state in
            state.hosts[link.agentId, default: Host()].links.append(link)
            changes.wrappingAdd(1, ordering: .releasing)
            Self.adjustGate(link.agentId, &state)
        }
    }

    package func linkDraining(_ link: LinkConnection) {
        metrics.drained.increment()
        state.withLock { Self.adjustGate(link.agentId, &$0) }
    }

    package func linkClosed(_ link: LinkConnection, reason: LinkError) {
        metrics.closed(reason)
        metrics.links.add(-1)
        let orphans = state.withLock { state -> [WorkerLoad] in
            guard var host = state.hosts[link.agentId] else { return [] }
            host.links.removeAll { $0 === link }
            state.hosts[link.agentId] = host.links.isEmpty ? nil : host
            changes.wrappingAdd(1, ordering: .releasing)
            Self.adjustGate(link.agentId, &state)
            return host.links.isEmpty ? host.reported.compactMap { state.loads[$0] } : []
        }
        for load in orphans { load.lost() }
    }

    package func linkReport(_ link: LinkConnection, line: ByteBuffer) {
        do {
            take(try WireCoder.decode(LinkReport.self, from: line.readableBytesView), of: link.agentId)
        } catch {
            // An agent that we cannot understand keeps its link; its workers stay as they were last reported.
            metrics.unreadable.increment()
        }
    }
}

/// Hears an answer in which nobody is interested.
private final class UnheardAnswer: ExchangeReceiver {
    func exchangeHead(_ head: ExchangeHead) {}
    func exchangeBody(_ bytes: ByteBuffer) {}
    func exchangeReadComplete() {}
    func exchangeEnd() {}
    func exchangeFailed(_ failure: ExchangeFailure) {}
}
