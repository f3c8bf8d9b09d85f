import Domain
import Exchange
import HTTPWire
import NIOCore
import PlimsollWire

/// A worker of one table: where it is, what it may serve, and how busy it is.
final class Worker: Sendable {
    let entry: WorkerEntry
    /// For standalone gateways; nil: over a link to the host.
    let address: RuntimeAddress?
    let target: UsageTarget
    let tally: WorkerTally
    /// Reported load, for linked workers.
    let load: WorkerLoad?
    /// Of a slot for an hour, micro-US-dollars; 0: not known.
    let slotPrice: UInt32
    /// Whether links lead to its host; nil where none are needed.
    let gate: HostGate?
    /// What the runtime calls the model, as a JSON string; nil when it is the customer's name.
    let quotedServedModel: [UInt8]?

    init(_ entry: WorkerEntry, tally: WorkerTally, load: WorkerLoad?, gate: HostGate?) {
        self.entry = entry
        self.tally = tally
        self.load = load
        self.gate = gate
        address = entry.url.flatMap { RuntimeAddress(url: $0) }
        slotPrice = UInt32(clamping: (entry.hourPriceMicroUsd ?? 0) / Int64(max(entry.slots, 1)))
        target = UsageTarget(release: entry.release, worker: entry.id, provider: entry.provider)
        load?.answersWants { [tally, id = entry.id] in gate?.tell(PlacesTold(yielding: tally.yielding), worker: id) }
        quotedServedModel = entry.servedModel == entry.model ? nil : entry.servedModel.map(BodyEdit.quoted)
    }

    /// Nil: there is no way to it now.
    func start(_ request: ExchangeRequest, on loop: GatewayLoop, receiver: any ExchangeReceiver) -> (any RunningExchange)? {
        guard entry.drill == nil else { return startDrilled(request, on: loop, receiver: receiver) }
        return startNow(request, on: loop, receiver: receiver)
    }

    private func startDrilled(_ request: ExchangeRequest, on loop: GatewayLoop, receiver: any ExchangeReceiver) -> (any RunningExchange)? {
        switch drill?.kind {
        case .cut: return nil
        case .slow:
            let delay = TimeAmount.milliseconds(Int64(drill?.delayMilliseconds ?? 0))
            return DelayedExchange(by: delay, on: loop.eventLoop, receiver: receiver) { [weak loop] in
                loop.flatMap { self.startNow(request, on: $0, receiver: receiver) }
            }
        case .wrong, nil: return startNow(request, on: loop, receiver: receiver)
        }
    }

    private func startNow(_ request: ExchangeRequest, on loop: GatewayLoop, receiver: any ExchangeReceiver) -> (any RunningExchange)? {
        if let address { return loop.pool(self, address).start(request, receiver: receiver) }
        guard let load, let gate else { return nil }
        return loop.links?.start(request, host: entry.host, load: load, gate: gate, receiver: receiver)
    }

    /// An attempt begins here.
    func begin(_ work: inout AttemptWork, now: Int64) { work.begin(tally, now: now) }

    /// One token of it or more has come.
    func token(_ work: inout AttemptWork, now: Int64) { work.token(tally, now: now) }

    /// It has ended.
    ///
    /// - Parameter tokens: Of a stream that is complete; nil of any other attempt.
    func end(_ work: inout AttemptWork, tokens: Int?, isAnswered: Bool) {
        work.end(tally, tokens: tokens)
        if isAnswered { tally.succeeded() }
    }

    /// A running request of a shared tier is to make way for one of a protected tier, of this gateway or of another one.
    func takesPlaceAsked(now: Int64) -> Bool { tally.takesPlaceAsked() || load?.takesPlaceWanted(now: now) ?? false }

    /// Running requests that make way when they are asked.
    var yielding: Int { tally.yielding + (load?.yieldingElsewhere ?? 0) }

    /// Asks gateways that run something there for so many places.
    func want(places: Int) { gate?.tell(PlacesTold(wanted: places), worker: entry.id) }

    /// A request could be started there now.
    var isReachable: Bool {
        if tally.isCut { return false }
        if address != nil { return true }
        guard let load, let gate else { return false }
        return load.isReady && gate.takesRequests
    }

    /// Its host had a link here and said that it was ready, and now it has none or says that it is not.
    func isLost(now: Int64) -> Bool {
        if tally.isCut { return true }
        guard let load, !load.isReady else { return false }
        return load.lostFor(now: now) != nil
    }

    /// Its context is long enough for so many tokens, or is not known: that of a standalone gateway's worker, and that of a runtime which was
    /// starting when the table was made (it tells one token). The runtime itself refuses what is too long.
    func holds(_ tokens: Int) -> Bool { entry.contextTokens <= 1 || entry.contextTokens >= tokens }

    var trustClass: String { entry.trustClass ?? RouteRules.standardTrust }

    /// What this gateway has in flight there, and what others had by the worker's last report.
    var backlog: WorkerBacklog {
        let foreign = load?.foreign ?? (running: 0, waiting: 0)
        let usual = tally.usualAnswer
        return WorkerBacklog(
            promptTokens: tally.promptTokens + foreign.waiting * Worker.usualPrompt,
            outputTokens: tally.outputTokens + (foreign.running + foreign.waiting) * usual, slots: entry.slots,
            kvUsedPermille: load?.kvUsedPermille)
    }

    /// What a request costs there, as choices compare it.
    ///
    /// - Parameters:
    ///   - uncachedTokens: Of its prompt, those that the worker's cache does not hold.
    ///   - now: Microseconds of the monotonic clock.
    func cost(uncachedTokens: Int, now: Int64) -> Int64 {
        let cost = LoadCost.microseconds(backlog, tally.pace, uncachedTokens: uncachedTokens)
        return LoadCost.weighted(cost, weight: tally.weight(of: entry.weight, now: now))
    }

    /// Tokens of a prompt of which nothing is known but that it waits.
    private static let usualPrompt = 512
}
