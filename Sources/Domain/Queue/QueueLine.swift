/// Requests of one tier and service class that wait. Fair among their tenants by tokens served.
struct QueueLine: Sendable {
    struct Entry: Sendable {
        let ticket: QueueTicket
        let request: QueuedRequest
        /// Others that were served although it was their better, because it did not fit where there was room.
        var passed = 0
        /// The worker that is kept free for it.
        var kept: String?
    }

    /// While a deadline was missed so recently, the line is at risk.
    static let riskTime: Int64 = 5_000_000
    /// Tenants whose first request is looked at for one free slot.
    private static let mostLooks = 16
    /// So often others go before a request that needs more room than there is.
    private static let mostPassed = 32
    /// Usual requests by which a tenant that asks for little may be ahead of its neighbours.
    private static let allowedBurst: Int64 = 8
    private static let usualOutput: Int64 = 256
    /// All turns, in the unit of `turnShare`.
    private static let allTurns: Int64 = 1 << 16

    let name: QueuedRequest.Line
    var rules: QueueRules
    /// Service above (below 0) the floor since it last waited, in the unit of `ServedTokens.cost`.
    var credit: Int64 = 0
    private(set) var waiting: [String: [Entry]] = [:]
    private(set) var count = 0
    private(set) var bytes = 0
    private(set) var counters = VirtualCounters()
    /// Of each tenant, so that one's overload does not turn the others' order round.
    private var standing: [String: StandingWait] = [:]
    /// No request has an earlier one.
    private var firstDeadline = Int64.max
    private var missedAt: Int64?
    private var meanOutput = usualOutput
    /// Of the turns that were given lately while it waited, those that were its own.
    private var turnShare = allTurns
    private var meanCost: Int64 = 0

    init(name: QueuedRequest.Line, rules: QueueRules) {
        self.name = name
        self.rules = rules
    }

    // MARK: In and out

    mutating func add(_ entry: Entry, now: Int64) {
        let tenant = entry.request.tenant
        if waiting[tenant] == nil {
            let least = waiting.keys.map { counters.value($0) }.min()
            counters.join(tenant, least: least, allowance: Self.allowedBurst * meanCost)
        }
        let cost = expected(entry.request).cost
        meanCost = meanCost == 0 ? cost : meanCost + (cost - meanCost) / 16
        firstDeadline = min(firstDeadline, entry.request.deadline)
        waiting[tenant, default: []].append(entry)
        count += 1
        bytes += entry.request.bytes
        noteAge(tenant, now)
    }

    @discardableResult
    mutating func remove(_ ticket: QueueTicket, of tenant: String, now: Int64) -> Entry? {
        guard let index = waiting[tenant]?.firstIndex(where: { $0.ticket == ticket }), let entry = waiting[tenant]?.remove(at: index) else {
            return nil
        }
        if waiting[tenant]?.isEmpty ?? false { waiting[tenant] = nil }
        noteAge(tenant, now)
        count -= 1
        bytes -= entry.request.bytes
        if count == 0 { credit = min(credit, 0) }
        return entry
    }

    /// Takes out who has waited past its deadline.
    mutating func takeExpired(now: Int64) -> [Entry] {
        guard count > 0, firstDeadline < now else { return [] }
        let late = waiting.values.flatMap { $0.filter { $0.request.deadline < now } }
        for entry in late { remove(entry.ticket, of: entry.request.tenant, now: now) }
        firstDeadline = waiting.values.joined().map(\.request.deadline).min() ?? .max
        if !late.isEmpty { missedAt = now }
        return late
    }

    // MARK: Whose turn it is

    enum Choice {
        case begin(Entry)
        /// None of those that wait fits there. `isShort`: at least one would, if there were more room. `isReserved`: at least one would, if it were
        /// not for what its tenant leaves free.
        case none(isShort: Bool, isReserved: Bool)
        /// The worker is kept free for one.
        case keep
    }

    /// - Parameter fit: Whether a request can be started at the worker that has room.
    mutating func choose(at worker: String, now: Int64, fit: (QueueTicket) -> QueueFit) -> Choice {
        var isShort = false
        var isReserved = false
        for tenant in order() {
            guard let entries = waiting[tenant] else { continue }
            let index = standing[tenant]?.isStanding(now: now) ?? false ? entries.count - 1 : 0
            switch fit(entries[index].ticket) {
            case .yes: return .begin(entries[index])
            case .never: continue
            case .reserved: isReserved = true
            case .full:
                isShort = true
                if pass(tenant, index, at: worker) { return .keep }
            }
        }
        return .none(isShort: isShort, isReserved: isReserved)
    }

    /// Tenants whose turn it is, least served first.
    private func order() -> some Sequence<String> {
        let ranked = waiting.map { (counter: counters.value($0.key), arrived: $0.value.first?.request.arrived ?? 0, tenant: $0.key) }
        guard ranked.count > 1 else { return ranked.map(\.tenant)[...] }
        return ranked.sorted { $0 < $1 }.map(\.tenant).prefix(Self.mostLooks)
    }

    /// True: the worker is kept free until the request fits.
    private mutating func pass(_ tenant: String, _ index: Int, at worker: String) -> Bool {
        guard var entry = waiting[tenant]?[index] else { return false }
        entry.passed += 1
        if entry.passed > Self.mostPassed, entry.kept == nil { entry.kept = worker }
        waiting[tenant]?[index] = entry
        return entry.kept == worker
    }

    // MARK: What is served

    /// What a request is expected to use.
    func expected(_ request: QueuedRequest) -> ServedTokens {
        ServedTokens(prompt: request.promptTokens, output: min(request.outputTokens, Int(meanOutput)))
    }

    mutating func started(_ request: QueuedRequest) {
        counters.serve(request.tenant, cost: expected(request).cost) { [waiting] in waiting[$0] != nil }
    }

    /// A request was begun while this line waited.
    mutating func noteTurn(isOwn: Bool) {
        turnShare += ((isOwn ? Self.allTurns : 0) - turnShare) / 64
    }

    mutating func settle(_ tenant: String, expected: ServedTokens, used: ServedTokens) {
        meanOutput += (Int64(used.output) - meanOutput) / 16
        counters.settle(tenant, by: used.cost - expected.cost)
    }

    // MARK: How it stands

    mutating func missed(now: Int64) { missedAt = now }

    /// A deadline was just missed, or a tenant's oldest request has used up four fifths of its time.
    func isAtRisk(now: Int64) -> Bool {
        if let missedAt, now - missedAt < Self.riskTime { return true }
        return waiting.values.contains { entries in
            entries.first.map { now - $0.request.arrived > ($0.request.deadline - $0.request.arrived) / 5 * 4 } ?? false
        }
    }

    /// Its bytes are within their bound with so many more.
    func holds(bytes more: Int) -> Bool { bytes + more <= rules.bytes }

    /// Running requests of shared tiers make way for it.
    var displaces: Bool { rules.isProtected && name.service == .interactive }

    /// Requests whose turn comes too late, or that have used up all but the time in which another one makes way; first deadline first.
    ///
    /// - Parameters:
    ///   - before: Requests of other lines that go before these.
    ///   - interval: Microseconds between two turns.
    ///   - notice: In which a running request has made way, and another one has begun in its place.
    func late(behind before: Int, interval: Int64, most: Int, notice: Int64, now: Int64) -> [QueueTicket] {
        let entries = waiting.values.joined().sorted { ($0.request.deadline, $0.ticket.number) < ($1.request.deadline, $1.ticket.number) }
        var late: [QueueTicket] = []
        for (position, entry) in entries.enumerated() where late.count < most {
            // Those who are late take no turn of the others: a place is made for them.
            let turn = Int64(before + position - late.count + 1) * interval
            let least = max(notice, (entry.request.deadline - entry.request.arrived) / 4)
            if now + max(turn, least) > entry.request.deadline { late.append(entry.ticket) }
        }
        return late
    }

    /// Requests of this line that would go before another one of the tenant.
    func ahead(of request: QueuedRequest) -> Int {
        let own = waiting[request.tenant] ?? []
        let price = max(expected(request).cost, 1)
        let least = waiting.keys.map { counters.value($0) }.min() ?? 0
        let start = own.isEmpty ? max(counters.value(request.tenant), least - Self.allowedBurst * meanCost) : counters.value(request.tenant)
        // Its turn comes when its counter, with what it has waiting, is the least.
        let turn = own.reduce(start) { $0 + expected($1.request).cost }
        return waiting.reduce(own.count) { sum, other in
            guard other.key != request.tenant else { return sum }
            var counter = counters.value(other.key)
            var before = 0
            for entry in other.value where counter <= turn {
                counter += max(expected(entry.request).cost, price / 64)
                before += 1
            }
            return sum + before
        }
    }

    /// Turns of all lines in which this one gets so many.
    func turns(for own: Int) -> Int64 {
        Int64(own) * Self.allTurns / max(turnShare, Self.allTurns / 64)
    }

    /// It has waited for a whole turn of its floor.
    var isOwedItsFloor: Bool { count > 0 && credit >= max(meanCost, 1) }

    /// The tenant with the most requests.
    var longest: (tenant: String, count: Int)? {
        waiting.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }.map { ($0.key, $0.value.count) }
    }

    func newest(of tenant: String) -> Entry? { waiting[tenant]?.last }

    private mutating func noteAge(_ tenant: String, _ now: Int64) {
        guard let oldest = waiting[tenant]?.first?.request.arrived else {
            standing[tenant] = nil
            return
        }
        standing[tenant, default: StandingWait()].note(oldest: now - oldest, now: now)
    }
}
