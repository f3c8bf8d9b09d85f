import Domain
import Telemetry
import PlimsollWire
import Exchange
import HTTPWire
import NIOCore
import NIOPosix
import OpenAIWire

/// Everything one event loop needs to serve requests; touched on that loop only.
final class GatewayLoop {
    let eventLoop: any EventLoop
    let settings: GatewaySettings
    let meter: LoopMeter
    let metrics: GatewayMetrics
    var router: Router
    /// On one of the loops.
    var sweeper: FleetSweeper?
    /// Nil: no links to hosts.
    let links: LinkView?
    /// Nil: a gateway without a control plane, whose keys never grow old.
    let contact: ControlContact?
    /// Nil: a gateway without a control plane, which keeps nothing.
    var captureDesk: CaptureDesk?
    /// Nil: no answers are scored.
    var scoreDesk: ScoreDesk?
    /// Nil: a gateway without a control plane, which has no status page.
    var statusPage: StatusShelf?
    let memory: MemoryWatch
    /// Of the whole gateway, as soon as the server has given it.
    var readers = ReaderDesks()
    var keyUses = KeyUses()
    /// Of all loops.
    let idempotency: IdempotencyBook
    /// Of this loop's listening socket.
    var gate: AcceptGate?
    var directory = Directory.empty {
        didSet {
            subjects.removeAll(keepingCapacity: true)
            keys.forget()
            workerPools.removeAll(keepingCapacity: true)
            ruleDesk.keep(only: directory.ruleSets)
            readers.keep(only: directory.ruleSets)
        }
    }
    var isDraining = false
    let refusals = RefusalRing()
    /// Nil: nothing is leased here.
    var leases: LeaseKeeper?
    /// Requests that wait for a lease to be admitted.
    var leaseWaits = LeaseWaits()
    var undecided = UndecidedRefusals()
    /// What all requests of the gateway have met lately.
    let outages: OutageWatch
    var heldTries = HeldTries()
    var random = LoopRandom()
    let scan: RequestScan
    let optionsScan: RequestScan
    var edit = BodyEdit()
    var fields = RequestFields()
    /// Where heads of answers are put together.
    var scratch = ByteBuffer()
    private(set) var connections: [any EdgeConnection] = []
    var ruleDesk = RuleDesk()
    var scanners: [SensitiveScope: SensitiveScanner] = [:]
    /// Of the whole gateway, as soon as the server has given it.
    var failedKeys = FailedKeys()
    private var hedgeDesks: [String: HedgeDesk] = [:]
    private var pools: [RuntimeAddress: RuntimePool] = [:]
    /// By the identity of a worker of the present table: an address costs more to look up.
    private var workerPools: [ObjectIdentifier: RuntimePool] = [:]
    private var subjects: [SubjectKey: UsageSubject] = [:]
    var keys = KeyMemo<CustomerKey>()
    /// Idle connections that make room in one tick.
    private static let mostClosedAtOnce = 16
    private var ticking: RepeatedTask?
    private var lag: LoopLag?

    private struct SubjectKey: Hashable {
        var key: ObjectIdentifier
        var model: ObjectIdentifier
    }

    init(
        eventLoop: any EventLoop, settings: GatewaySettings, meter: LoopMeter, metrics: GatewayMetrics, router: Router, registry: LinkRegistry?,
        contact: ControlContact?, memory: MemoryWatch, idempotency: IdempotencyBook, outages: OutageWatch
    ) {
        self.eventLoop = eventLoop
        scan = RequestScan(limits: settings.json)
        optionsScan = RequestScan(limits: settings.json)
        self.settings = settings
        self.meter = meter
        self.metrics = metrics
        self.router = router
        links = registry.map { LinkView($0, on: eventLoop) }
        self.contact = contact
        self.memory = memory
        self.idempotency = idempotency
        self.outages = outages
    }

    /// Deadlines are looked at four times a second, for all connections at once: a timer for each request would cost more than the request.
    func start() {
        let period = TimeAmount.milliseconds(250)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ticking = eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in bound.value.tick() }
        lag = LoopLag(on: eventLoop, metrics: metrics.edge)
    }

    func stop() {
        ticking?.cancel()
        ticking = nil
        lag?.stop()
        lag = nil
        // Who stops between two exchanges is not cut off.
        decideRefusals(now: .max, answeredAt: .max)
        sweeper?.stop()
        gate = nil
        for connection in connections { connection.closeNow() }
        for pool in pools.values { pool.close() }
    }

    /// Ends what still runs: each client is told, and nothing is billed.
    func cut() {
        for connection in connections { connection.cut() }
    }

    /// No new requests: idle connections are closed, the others close after their answer.
    func drain() {
        isDraining = true
        for connection in connections { connection.drain() }
    }

    var busyConnections: Int { connections.count { $0.isBusy } }

    var unansweredConnections: Int { connections.count { $0.isUnanswered } }

    func add(_ connection: any EdgeConnection) {
        connection.position = connections.count
        connections.append(connection)
        metrics.connections.add(1)
    }

    func remove(_ connection: any EdgeConnection) {
        guard let last = connections.popLast() else { return }
        if last !== connection {
            connections[connection.position] = last
            last.position = connection.position
        }
        metrics.connections.add(-1)
    }

    /// Makes room where all connections are taken: of those that wait for a next request the ones that have waited longest go.
    func closeIdlest() {
        let latest = NIODeadline.now() + .seconds(Int64(settings.idleTime - settings.leastIdleTime))
        let idle = connections.compactMap { connection in connection.idleUntil.map { (connection, $0) } }.filter { $0.1 <= latest }
        for (connection, _) in idle.sorted(by: { $0.1 < $1.1 }).prefix(GatewayLoop.mostClosedAtOnce) { connection.drain() }
    }

    func pool(_ worker: Worker, _ address: RuntimeAddress) -> RuntimePool {
        let name = ObjectIdentifier(worker)
        if let known = workerPools[name] { return known }
        let pool = pool(address)
        workerPools[name] = pool
        return pool
    }

    func hedgeDesk(model: String, tier: String, share: Int) -> HedgeDesk {
        let name = model + "\n" + tier
        if let known = hedgeDesks[name], known.share == share { return known }
        let made = HedgeDesk(share: share, now: NIODeadline.now().microseconds)
        if hedgeDesks.count >= 1_000 { hedgeDesks.removeAll() }
        hedgeDesks[name] = made
        return made
    }

    func pool(_ address: RuntimeAddress) -> RuntimePool {
        if let pool = pools[address] { return pool }
        // Each customer may need one.
        var limits = ExchangeLimits()
        limits.connections = max(limits.connections, settings.connections)
        let pool = RuntimePool(address: address, eventLoop: eventLoop, limits: limits)
        pools[address] = pool
        return pool
    }

    func subject(_ key: CustomerKey, _ model: ModelRoute) -> UsageSubject {
        let name = SubjectKey(key: ObjectIdentifier(key), model: ObjectIdentifier(model))
        if let known = subjects[name] { return known }
        let made = UsageSubject(
            tenant: key.tenant.id, key: key.id, tier: key.tier.name, model: model.entry.name, region: settings.region,
            firstTokenObjective: key.tier.ttftObjectiveMicroseconds,
            lastTokenObjective: key.tier.ttltObjectiveMicroseconds ?? FixedLengthSample.usualObjective, purpose: key.entry.purpose,
            prices: directory.prices(model.entry.name, key.tier.name, "interactive"),
            batchPrices: directory.prices(model.entry.name, key.tier.name, "batch"))
        if subjects.count >= 10_000 { subjects.removeAll(keepingCapacity: true) }
        subjects[name] = made
        return made
    }

    /// Of what is refused before its model is known: in minutes of their own, which are for watching the tenant's behaviour and in no objective.
    func subject(withoutModel key: CustomerKey) -> UsageSubject {
        let name = SubjectKey(key: ObjectIdentifier(key), model: ObjectIdentifier(key))
        if let known = subjects[name] { return known }
        let made = UsageSubject(
            tenant: key.tenant.id, key: key.id, tier: key.tier.name, model: "", region: settings.region,
            firstTokenObjective: key.tier.ttftObjectiveMicroseconds, purpose: key.entry.purpose)
        if subjects.count >= 10_000 { subjects.removeAll(keepingCapacity: true) }
        subjects[name] = made
        return made
    }

    /// Leases have been exchanged: who waited for one looks again.
    func leasesChanged() {
        // Each leaves the list or stays in it while it looks.
        for request in leaseWaits.requests { request.retryLimits(isLast: false) }
        decideRefusals(now: NIODeadline.now().microseconds, answeredAt: leases?.answeredAt ?? .max)
    }

    /// Something ended or was answered: who waits for such news hears it, behind what happens now.
    func lookAtHeldTries() {
        guard heldTries.wantsLook() else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.lookAtAllHeld() }
    }

    private func lookAtAllHeld() {
        // One that goes on may fail at once, and be held anew.
        for (request, held) in heldTries.takeAll() where !request.heldTryMayGo(held) {
            heldTries.putBack(request, held)
        }
    }

    private func decideRefusals(now: Int64, answeredAt: Int64) {
        undecided.decide(now: now, answeredAt: answeredAt) { meter.refuse($0, outcome: $1, acceptedAt: $2) }
    }

    private func tick() {
        let now = NIODeadline.now()
        memory.look()
        gate?.tick()
        let isShort = memory.isShort
        sweeper?.tick(now, self)
        // Other loops have news too.
        lookAtAllHeld()
        decideRefusals(now: now.microseconds, answeredAt: leases?.answeredAt ?? .max)
        var position = 0
        // A connection may close, and leave the list, while it looks at its deadlines.
        while position < connections.count {
            let connection = connections[position]
            if isShort, !connection.isBusy { connection.drain() } else { connection.tick(now) }
            if position < connections.count, connections[position] === connection { position += 1 }
        }
    }
}
