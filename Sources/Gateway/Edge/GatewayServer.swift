import Domain
package import Logging
package import NIOCore
package import PlimsollWire
import Reactor
import ServiceLifecycle
import Synchronization
package import Telemetry

/// The customers' endpoint: listens, hands connections to its loops, and serves from the newest table it was given.
package final class GatewayServer: Service {
    private let settings: GatewaySettings
    private let group: any EventLoopGroup
    private let spool: Spool
    private let metrics: GatewayMetrics
    private let registry: LinkRegistry?
    private let contact: ControlContact?
    private let certificates: EdgeCertificates?
    private let captures: CaptureDesk?
    private let scores: ScoreDesk?
    private let probes: ProbeDesk?
    private let statusPage: StatusShelf?
    private let memory: MemoryWatch
    private let limits: LimitBook
    private let builder: DirectoryBuilder
    private let workers: WorkerBook
    private let fleetMetrics: FleetMetrics
    private let drainLimit: Duration
    private let logger: Logger
    private let bound: (@Sendable (Int) -> Void)?
    private let failedKeys = FailedKeys()
    private let readers: ReaderDesks
    private let state = Mutex(State())
    /// For records and last bytes of requests that are cut.
    private static let cutTime = Duration.seconds(2)

    private struct State {
        var directory = Directory.empty
        var loops: [NIOLoopBound<GatewayLoop>] = []
        var leases: LeaseKeeper?
        /// Seconds since 1970 at which the next of what is in force ends; nil: nothing is.
        var mitigatedUntil: Int64?
        /// As it was given, of which mitigations end by themselves.
        var table: TableContents?
    }

    /// One table at a time.
    private let turn = Mutex<Void>(())
    private static let mitigationLook = Duration.seconds(1)

    /// - Parameters:
    ///   - group: Its loops serve customers and links alike.
    ///   - registry: Links to hosts; nil for a standalone gateway.
    ///   - limits: What was taken of limits; nil: nothing yet, and nothing is kept.
    ///   - certificates: Serves TLS with them; nil: plain.
    ///   - captures: Where what tenants want to be kept goes; nil: nothing is.
    ///   - scores: Where sampled answers of fallbacks are judged; nil: none are.
    ///   - probes: Which workers are probed; nil: only those that are out of rotation.
    ///   - statusPage: What the public is shown; nil: nothing.
    ///   - memory: In place of the one that the settings ask for.
    ///   - readers: Threads that read large bodies.
    ///   - drainLimit: For requests that run when the gateway is asked to stop.
    ///   - bound: Told the port that is listened on.
    package init(
        settings: GatewaySettings, group: any EventLoopGroup, spool: Spool, registry: LinkRegistry?, limits: LimitBook? = nil,
        contact: ControlContact? = nil, certificates: EdgeCertificates? = nil, captures: CaptureDesk? = nil, scores: ScoreDesk? = nil,
        probes: ProbeDesk? = nil,
        statusPage: StatusShelf? = nil, memory: MemoryWatch? = nil,
        readers: ReaderDesks = ReaderDesks(), metrics: MetricRegistry,
        drainLimit: Duration = .seconds(25), logger: Logger, bound: (@Sendable (Int) -> Void)? = nil
    ) {
        self.settings = settings
        self.group = group
        self.spool = spool
        self.registry = registry
        self.contact = contact
        self.certificates = certificates
        self.captures = captures
        self.scores = scores
        self.probes = probes
        self.statusPage = statusPage
        self.memory = memory ?? MemoryWatch(limit: settings.memoryLimit)
        self.readers = readers
        self.metrics = GatewayMetrics(metrics)
        self.drainLimit = drainLimit
        self.logger = logger
        self.bound = bound
        fleetMetrics = FleetMetrics(metrics)
        workers = WorkerBook(registry: registry, metrics: fleetMetrics, timeOut: settings.ejectionTime)
        let book = limits ?? .unkept()
        self.limits = book
        builder = DirectoryBuilder(limits: book, workers: workers, region: settings.region, gateway: settings.gatewayId)
    }

    /// Requests may wait for leases of this keeper. Before the server runs.
    package func use(_ leases: LeaseKeeper) { state.withLock { $0.leases = leases } }

    /// Leases have been exchanged: requests that wait for one look again.
    package func leasesChanged() {
        for loop in state.withLock({ $0.loops }) { loop.eventLoop.execute { loop.value.leasesChanged() } }
    }

    /// Serves from this table from now on. Returns when every loop does; from any thread but theirs, one call at a time.
    package func apply(_ table: TableContents) {
        turn.withLock { _ in
            state.withLock { $0.table = table.mitigations.isEmpty ? nil : table }
            serve(table)
        }
    }

    private func serve(_ table: TableContents) {
        let now = Self.wallSeconds
        let served = table.mitigated(region: settings.region, nowSeconds: now)
        state.withLock { $0.mitigatedUntil = table.mitigationEnd(after: now) }
        metrics.mitigations.set(Double(served.mitigations.count))
        let directory = builder.build(served, now: NIODeadline.now().microseconds)
        probes?.assign(table, now: NIODeadline.now().microseconds)
        let (loops, last) = state.withLock { state in
            defer { state.directory = directory }
            return (state.loops, state.directory)
        }
        let swaps = loops.map { loop in loop.eventLoop.submit { loop.value.directory = directory } }
        // A loop that is gone serves nobody.
        for swap in swaps { try? swap.wait() }
        // Held until here: a directory of a hundred thousand keys is freed on this thread, not in the middle of a loop's requests.
        withExtendedLifetime(last) {}
    }

    private static var wallSeconds: Int64 { LoopClock.wallMicroseconds() / 1_000_000 }

    /// A mitigation ends in time although no other table comes, as when the control plane is away.
    private func endMitigations() async {
        while !Task.isCancelled {
            let isOver = state.withLock { state in state.mitigatedUntil.map { $0 <= Self.wallSeconds } ?? false }
            if isOver {
                // Without threads the gateway has stopped.
                try? await BlockingCalls.run { [self] in
                    turn.withLock { _ in
                        if let table = state.withLock({ $0.table }) { serve(table) }
                    }
                }
            }
            // Cancellation is seen by the loop's condition.
            try? await Task.sleep(for: Self.mitigationLook)
        }
    }

    /// What all loops noticed of abuse since the last call.
    func takeAbuse() async -> AbuseReport {
        let loops = state.withLock { $0.loops }
        var report = AbuseReport(hits: [], locks: failedKeys.takeLocks())
        for loop in loops {
            // A loop that is gone noticed nothing.
            let noticed = try? await loop.eventLoop.submit { (loop.value.takeHits(), loop.value.keyUses.take()) }.get()
            guard let (hits, uses) = noticed else { continue }
            let counted = hits.map { AbuseReport.RuleHit(rule: $0.key.rule, tenant: $0.key.tenant, count: $0.value) }
            report.add(AbuseReport(hits: counted, locks: 0, uses: uses))
        }
        return report
    }

    /// Workers that are out of rotation, and those of this region that cannot be reached any more.
    var fleetReport: FleetReport {
        var report = workers.watch.report
        for id in workers.lost(in: settings.region) where report.out[id] == nil { report.out[id] = "lost" }
        report.promptsLogged = LogCanary.lines
        return report
    }

    /// Probes of other gateways found that these do not work.
    func avoidFailing(_ ids: [String]) { workers.watch.condemn(ids, now: NIODeadline.now().microseconds) }

    /// Why requests of the last seconds were refused before they were admitted, each told once.
    package func takeRefusals() async -> [RequestDecision] {
        var decisions: [RequestDecision] = []
        for loop in state.withLock({ $0.loops }) {
            // A loop that is gone has nothing to tell.
            guard let kept = try? await loop.eventLoop.submit({ loop.value.refusals.take() }).get() else { continue }
            decisions += kept.refusals.map { RequestDecision($0) }
            metrics.refusalsDropped.increment(by: kept.dropped)
        }
        return decisions
    }

    /// JSON of the record of a request and how it was routed, from the spool's segments; nil: there is none. Blocks on the disk.
    package func explained(_ request: String) -> String? {
        let search = SpoolSearch(directory: spool.settings.directory, gateway: spool.settings.gateway)
        // What cannot be read is not known.
        guard let id = RequestId(request), let found = try? search.end(of: id) else { return nil }
        let bytes = try? WireCoder.encode(ExplainedRequest(found.final, found.origin, names: workers.names))
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    package func run() async throws {
        let loops = try await makeLoops()
        let listener = try await listen(loops)
        logger.info("customers' endpoint listens", metadata: [LogKeys.listenAddress: "\(settings.host):\(listener.port)"])
        bound?(listener.port)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.endMitigations() }
            await serveUntilAsked(listener)
            group.cancelAll()
        }
        // Not taken by the closing alone: a connection that was accepted in the same moment is closed by the drain.
        await listener.closedWhole()
        await drain(loops)
        try await spool.close()
    }

    private func serveUntilAsked(_ listener: CustomerListener) async {
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await listener.closed()
            } onCancel: {
                listener.close()
            }
        } onGracefulShutdown: {
            listener.close()
        }
    }

    private func makeLoops() async throws -> [NIOLoopBound<GatewayLoop>] {
        var loops: [NIOLoopBound<GatewayLoop>] = []
        let router = Router(metrics: fleetMetrics)
        let (idempotency, outages) = (IdempotencyBook(), OutageWatch())
        for eventLoop in group.makeIterator() {
            let meter = try await spool.makeMeter(on: eventLoop).get()
            let loop = try await eventLoop.submit {
                [settings, metrics, registry, contact, memory, captures, scores, statusPage, failedKeys, readers] in
                let loop = GatewayLoop(
                    eventLoop: eventLoop, settings: settings, meter: meter.value, metrics: metrics, router: router, registry: registry,
                    contact: contact, memory: memory, idempotency: idempotency, outages: outages)
                loop.captureDesk = captures
                loop.scoreDesk = scores
                loop.statusPage = statusPage
                loop.failedKeys = failedKeys
                loop.readers = readers
                Reactor.on(eventLoop).setBusyPoll(microseconds: settings.busyPoll)
                loop.start()
                return NIOLoopBound(loop, eventLoop: eventLoop)
            }.get()
            loops.append(loop)
        }
        if let first = loops.first {
            // One loop looks after the fleet for all.
            first.eventLoop.execute { [workers, probes] in first.value.sweeper = FleetSweeper(workers, desk: probes) }
        }
        let leases = state.withLock { state in
            state.loops = loops
            return state.leases
        }
        for loop in loops {
            loop.eventLoop.execute { [self] in
                loop.value.leases = leases
                // As it is by then: a table that is applied in this moment may have been given to the loop already.
                loop.value.directory = state.withLock { $0.directory }
            }
        }
        return loops
    }

    private func listen(_ loops: [NIOLoopBound<GatewayLoop>]) async throws -> CustomerListener {
        do {
            return try await CustomerListener.bind(loops, settings: settings, certificates: certificates, logger: logger)
        } catch {
            logger.error("customers' endpoint cannot listen", metadata: [LogKeys.listenAddress: "\(settings.host):\(settings.port)"])
            throw error
        }
    }

    /// Idle connections go at once, the others after their answer; what still runs at the limit, or when the task is cancelled, is cut.
    private func drain(_ loops: [NIOLoopBound<GatewayLoop>]) async {
        await each(loops) { $0.drain() }
        let end = ContinuousClock.now + drainLimit
        while ContinuousClock.now < end, !Task.isCancelled, await sum(loops, \.busyConnections) > 0 { await pause(loops) }
        await each(loops) { $0.cut() }
        let last = ContinuousClock.now + GatewayServer.cutTime
        while ContinuousClock.now < last, await sum(loops, \.unansweredConnections) > 0 { await pause(loops) }
        state.withLock { $0.loops = [] }
        await each(loops) { $0.stop() }
    }

    /// On a loop's clock, so that a cancelled task pauses too.
    private func pause(_ loops: [NIOLoopBound<GatewayLoop>]) async {
        try? await loops.first?.eventLoop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
    }

    private func each(_ loops: [NIOLoopBound<GatewayLoop>], _ act: @escaping @Sendable (GatewayLoop) -> Void) async {
        for loop in loops {
            // A loop that is gone has nothing left to end.
            try? await loop.eventLoop.submit { act(loop.value) }.get()
        }
    }

    private func sum(_ loops: [NIOLoopBound<GatewayLoop>], _ count: @escaping @Sendable (GatewayLoop) -> Int) async -> Int {
        var total = 0
        for loop in loops {
            total += (try? await loop.eventLoop.submit { count(loop.value) }.get()) ?? 0
        }
        return total
    }
}
