/// Whether a request can be started at a worker that has room.
package enum QueueFit: Sendable {
    case yes
    /// Not now: its prompt or its tenant's share is greater than the room.
    case full
    /// The last of what is free is for other tenants of its tier.
    case reserved
    /// The worker is none of those that may serve it.
    case never
}

/// Who waits for the workers of one model, and who is next. Decides and does nothing: the caller holds requests and workers, and tells times
/// in microseconds of a monotonic clock.
///
/// Interactive before batch, greater rank before lesser, strictly. A lesser line gets its floor all the same, but not while a protected line
/// above it misses deadlines or nearly does. Within a line tenants share by tokens served, a tenant's oldest request first; in an overload
/// that stands, its newest first, because the oldest are late in any case.
package struct RequestQueue: Sendable {
    /// Why a request may not wait, and when to come again.
    package struct Refusal: Sendable, Equatable {
        package enum Reason: String, Sendable {
            /// It could not be begun before its deadline.
            case late
            /// Its line is full, and its tenant has the most in it.
            case full
        }

        package var reason: Reason
        /// Microseconds; the caller spreads it.
        package var retryAfter: Int64
    }

    package enum Arrival: Sendable, Equatable {
        /// - instead: A request of the tenant that had the most in a full line; it leaves, refused as `full`.
        case waits(QueueTicket, instead: QueueTicket?)
        case refused(Refusal)
    }

    /// A request that is begun now.
    package struct Start: Sendable, Equatable {
        package var ticket: QueueTicket
        /// For `settle`, when it is over.
        package var expected: ServedTokens
    }

    package static let yieldTime: Int64 = 500_000
    private static let shortestRetry: Int64 = 250_000
    private static let longestRetry: Int64 = 60_000_000

    /// By precedence.
    private var lines: [QueueLine] = []
    private var places: [QueueTicket: (line: QueuedRequest.Line, tenant: String)] = [:]
    private var last: UInt64 = 0
    private var riskElsewhere: Int64?

    package init() {}

    package var count: Int { places.count }

    package func count(in line: QueuedRequest.Line) -> Int { self.line(line).map { lines[$0].count } ?? 0 }

    /// True: floors of lines below are suspended.
    package func isAtRisk(_ line: QueuedRequest.Line, now: Int64) -> Bool {
        self.line(line).map { lines[$0].isAtRisk(now: now) } ?? false
    }

    /// Another gateway before the same workers has a protected line that misses deadlines, or nearly does.
    package mutating func noteRiskElsewhere(now: Int64) { riskElsewhere = now }

    // MARK: Arrival

    package mutating func arrive(_ request: QueuedRequest, capacity: QueueCapacity, now: Int64) -> Arrival {
        let index = place(request)
        let wait = predictedWait(request, at: index, capacity: capacity, now: now)
        let isPlaceMade = mayDisplace(index, capacity)
        guard now + wait <= request.deadline || isPlaceMade else {
            lines[index].missed(now: now)
            return .refused(refusal(.late, wait: wait, until: request.deadline, now: now))
        }
        var evicted: QueueTicket?
        if isFull(lines[index], for: request), !isPlaceMade || !lines[index].holds(bytes: request.bytes) {
            // Whoever a full line has no place for misses its deadline as well as one who waited in vain.
            lines[index].missed(now: now)
            guard let victim = victim(in: lines[index], for: request) else {
                return .refused(refusal(.full, wait: max(wait, capacity.interval), until: now, now: now))
            }
            evicted = victim
            _ = remove(victim, now: now)
        }
        last += 1
        let ticket = QueueTicket(number: last)
        places[ticket] = (request.line, request.tenant)
        lines[index].add(QueueLine.Entry(ticket: ticket, request: request), now: now)
        return .waits(ticket, instead: evicted)
    }

    /// Microseconds that the request would wait: a turn of the slots for each one before it, and for those that will come before it by the
    /// share of the turns that its line has had lately.
    private func predictedWait(_ request: QueuedRequest, at index: Int, capacity: QueueCapacity, now: Int64) -> Int64 {
        guard capacity.slots > 0 else { return 0 }
        let before = lines[..<index].reduce(0) { $0 + $1.count }
        let own = lines[index].ahead(of: request)
        return max(Int64(before + own + 1), lines[index].turns(for: own + 1)) * capacity.interval
    }

    /// It could not be in time by turns, but a running request will make way for it.
    private func mayDisplace(_ index: Int, _ capacity: QueueCapacity) -> Bool {
        guard capacity.yielding > 0, lines[index].displaces else { return false }
        return lines[...index].reduce(0) { $0 + ($1.displaces ? $1.count : 0) } < capacity.yielding
    }

    private func isFull(_ line: QueueLine, without victim: QueueLine.Entry? = nil, for request: QueuedRequest) -> Bool {
        let (count, bytes) = victim.map { (line.count - 1, line.bytes - $0.request.bytes) } ?? (line.count, line.bytes)
        return count >= line.rules.requests || bytes + request.bytes > line.rules.bytes
    }

    /// Newest request of whoever has the most, if that is not the tenant itself and what it leaves is enough.
    private func victim(in line: QueueLine, for request: QueuedRequest) -> QueueTicket? {
        let own = line.waiting[request.tenant]?.count ?? 0
        guard let longest = line.longest, longest.tenant != request.tenant, longest.count > own + 1,
            let victim = line.newest(of: longest.tenant), !isFull(line, without: victim, for: request)
        else { return nil }
        return victim.ticket
    }

    private func refusal(_ reason: Refusal.Reason, wait: Int64, until deadline: Int64, now: Int64) -> Refusal {
        Refusal(reason: reason, retryAfter: min(max(now + wait - deadline, Self.shortestRetry), Self.longestRetry))
    }

    // MARK: Turns

    /// A worker has room: who is begun there. Nil: nobody, either because no one waits who could be, or because it is kept free for a request
    /// that needs more room than there is yet.
    ///
    /// Call `expire` first: nobody past its deadline is to be begun.
    package mutating func take(at worker: String, now: Int64, fit: (QueueTicket) -> QueueFit) -> Start? {
        var reserving: Int?
        for index in turns(now) where lines[index].count > 0 && !isLesser(index, than: reserving) {
            switch lines[index].choose(at: worker, now: now, fit: fit) {
            case .begin(let entry): return start(entry, at: index, now: now)
            case .keep: return nil
            case .none(let isShort, let isReserved):
                if isReserved { reserving = reserving ?? index }
                // What is free is on its way to be enough: lesser lines would only put it off.
                if isShort, lines[index].rules.isProtected, lines[index].isAtRisk(now: now) { return nil }
            }
        }
        return nil
    }

    /// What tenants of a line leave free is for others of their rank: a lesser line does not get it while one of these waits.
    private func isLesser(_ index: Int, than reserving: Int?) -> Bool {
        guard let reserving, index > reserving else { return false }
        return lines[index].name.service != lines[reserving].name.service || lines[index].rules.rank != lines[reserving].rules.rank
    }

    /// Lines in the order in which they are asked: those that are owed their floor, then all by precedence.
    private func turns(_ now: Int64) -> [Int] {
        let owed = lines.indices.filter { lines[$0].isOwedItsFloor && !isSuspended($0, now) }
        return owed + lines.indices.filter { !owed.contains($0) }
    }

    private func isSuspended(_ index: Int, _ now: Int64) -> Bool {
        if let riskElsewhere, now - riskElsewhere < QueueLine.riskTime, !lines[index].rules.isProtected { return true }
        return lines[..<index].contains { $0.rules.isProtected && $0.name.service == .interactive && $0.isAtRisk(now: now) }
    }

    private mutating func start(_ entry: QueueLine.Entry, at index: Int, now: Int64) -> Start {
        let expected = lines[index].expected(entry.request)
        lines[index].started(entry.request)
        for line in lines.indices where lines[line].count > 0 { lines[line].noteTurn(isOwn: line == index) }
        _ = remove(entry.ticket, now: now)
        let cost = expected.cost
        lines[index].credit = max(lines[index].credit - cost, -cost)
        for other in lines.indices where other > index && lines[other].count > 0 && !isSuspended(other, now) {
            let rise = cost * Int64(lines[other].rules.floorPercent) / 100
            lines[other].credit = min(lines[other].credit + rise, 2 * cost)
        }
        return Start(ticket: entry.ticket, expected: expected)
    }

    // MARK: Places of others

    /// Requests of protected lines that will be late by turns alone, or nearly are, in the order in which they are begun: as many running
    /// requests of shared tiers are to make way for them. Never more than there are.
    ///
    /// - Parameter notice: In which a running request has made way, and another one has begun in its place.
    package func late(_ capacity: QueueCapacity, notice: Int64 = yieldTime, now: Int64) -> [QueueTicket] {
        guard capacity.yielding > 0 else { return [] }
        var late: [QueueTicket] = []
        var before = 0
        for line in lines {
            var own: [QueueTicket] = []
            if line.displaces, line.count > 0 {
                own = line.late(behind: before, interval: capacity.interval, most: capacity.yielding - late.count, notice: notice, now: now)
            }
            before += line.count - own.count
            late += own
        }
        return late
    }

    // MARK: Departure

    /// The request is given up, by its client or by the gateway.
    package mutating func leave(_ ticket: QueueTicket, now: Int64) {
        _ = remove(ticket, now: now)
    }

    /// Takes out who has waited past its deadline.
    package mutating func expire(now: Int64) -> [QueueTicket] {
        var late: [QueueTicket] = []
        for index in lines.indices {
            for entry in lines[index].takeExpired(now: now) {
                places[entry.ticket] = nil
                late.append(entry.ticket)
            }
        }
        return late
    }

    /// When an expired or evicted request may come again, microseconds.
    package func retryAfter(_ capacity: QueueCapacity) -> Int64 {
        min(max(Int64(count) * capacity.interval, Self.shortestRetry), Self.longestRetry)
    }

    /// A request that was begun from here is over.
    package mutating func settle(_ line: QueuedRequest.Line, tenant: String, expected: ServedTokens, used: ServedTokens) {
        guard let index = self.line(line) else { return }
        lines[index].settle(tenant, expected: expected, used: used)
    }

    private mutating func remove(_ ticket: QueueTicket, now: Int64) -> QueueLine.Entry? {
        guard let place = places.removeValue(forKey: ticket), let index = line(place.line) else { return nil }
        return lines[index].remove(ticket, of: place.tenant, now: now)
    }

    // MARK: Lines

    private func line(_ name: QueuedRequest.Line) -> Int? { lines.firstIndex { $0.name == name } }

    /// The line of the request, made at its first one; rules may have changed since the last one.
    private mutating func place(_ request: QueuedRequest) -> Int {
        if let known = line(request.line) {
            let isOrdered = lines[known].rules.rank == request.rules.rank
            lines[known].rules = request.rules
            guard !isOrdered else { return known }
        } else {
            lines.append(QueueLine(name: request.line, rules: request.rules))
        }
        lines.sort(by: Self.precedes)
        return line(request.line) ?? 0
    }

    private static func precedes(_ one: QueueLine, _ other: QueueLine) -> Bool {
        guard one.name.service == other.name.service else { return one.name.service == .interactive }
        return (other.rules.rank, one.name.tier) < (one.rules.rank, other.name.tier)
    }
}
