import Exchange
import Link
package import NIOCore
import Telemetry

/// One loop's copy of which hosts have which links: a request finds its link without a lock, and the copy is made anew when links came or went.
/// Lives on its loop.
package final class LinkView {
    private let registry: LinkRegistry
    private let eventLoop: any EventLoop
    private var version: UInt64?
    private var links: [String: [LinkConnection]] = [:]

    package init(_ registry: LinkRegistry, on eventLoop: any EventLoop) {
        self.registry = registry
        self.eventLoop = eventLoop
    }

    /// Starts a request on a link to the host: one of this loop if there is one, else one of another loop, crossed in batches. Nil: no link that
    /// takes requests. Counts the exchange in the worker's load and at the host's gate until it is over.
    func start(
        _ request: ExchangeRequest, host: String, load: WorkerLoad, gate: HostGate, receiver: any ExchangeReceiver
    ) -> (any RunningExchange)? {
        if version != registry.version { (version, links) = registry.links }
        guard let link = choose(links[host] ?? []) else { return nil }
        load.begin()
        gate.begin()
        let onFinish: @Sendable () -> Void = {
            load.finish()
            gate.finish()
        }
        if link.eventLoop === eventLoop {
            return link.start(request, receiver: receiver, onFinish: onFinish)
        }
        registry.metrics.crossed.increment()
        return CrossingExchange.start(request, over: link, from: eventLoop, receiver: receiver, onFinish: onFinish)
    }

    /// This gateway has no link at all, though there are several hosts: it is not they who are gone.
    var isCutOff: Bool { registry.isCutOff }

    private func choose(_ links: [LinkConnection]) -> LinkConnection? {
        var best: LinkConnection?
        var bestCost = Int.max
        for link in links where link.takesRequests {
            // A full link of this loop is worse than an empty one elsewhere, by far not a busy one.
            let cost = link.openStreams + (link.eventLoop === eventLoop ? 0 : 128)
            guard cost < bestCost else { continue }
            best = link
            bestCost = cost
        }
        return best
    }
}
