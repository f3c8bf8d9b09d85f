import Domain
import PlimsollWire

/// Decides what to promise and what to borrow of the limits of a minute. Times are microseconds of the monotonic clock.
struct RatePlan {
    /// A promise is kept for longer than the control plane counts on it, from whenever it may have heard of it.
    private static let promiseTime: Int64 = 20_500_000
    private static let promiseRenewal: Int64 = 10_000_000
    /// A loan ends here before it ends at the control plane.
    private static let loanMargin: Int64 = 500_000
    private static let loanRenewal: Int64 = 4_000_000
    /// Until others may have promised something.
    private static let askPause: Int64 = 1_500_000
    /// More is asked for until so long after the last refusal.
    private static let shortTime: Int64 = 15_000_000

    private struct Memory {
        var shortUntil: Int64 = 0
        var promised: RateParts?
        var promisedUntil: Int64 = 0
        var lentUntil: Int64 = 0
        /// Until others, who are being asked, may have promised something.
        var askedUntil: Int64 = 0
        /// By one request, of the kinds of which this gateway has too little for it.
        var needed = RateParts.none
        var neededUntil: Int64 = 0
        /// What others needed when this was promised.
        var promisedFor = RateParts.none
        /// The promise is in the request under way.
        var isBeingTold = false
    }

    private var memories: [String: Memory] = [:]
    /// Holders that some gateway is short of, and what one request there needs.
    private var sought: [String: RateParts] = [:]
    /// Somebody waits for what may be promised: that is told at once.
    private(set) var isUrgent = false

    mutating func reports(_ holders: [LimitHolder], now: Int64) -> [RateReport] {
        var reports: [RateReport] = []
        isUrgent = false
        for holder in holders where holder.isShared {
            let isShort = holder.takeShort()
            guard isShort || memories[holder.name] != nil || sought[holder.name] != nil else { continue }
            var memory = memories[holder.name] ?? Memory()
            if isShort { note(holder, &memory, now: now) }
            end(holder, &memory, now: now)
            if let report = report(holder, &memory, now: now) { reports.append(report) }
            let isIdle = memory.shortUntil <= now && memory.promised == nil && memory.lentUntil == 0
            memories[holder.name] = isIdle ? nil : memory
        }
        return reports
    }

    private func note(_ holder: LimitHolder, _ memory: inout Memory, now: Int64) {
        memory.shortUntil = max(memory.shortUntil, now + Self.shortTime)
        let needed = holder.takeNeeded()
        guard needed != .none else { return }
        memory.needed = memory.needed.greatest(needed)
        memory.neededUntil = now + Self.shortTime
        // It promises nothing more until it has been able to ask.
        if memory.promised != nil { memory.shortUntil = max(memory.shortUntil, memory.promisedUntil + Self.shortTime) }
    }

    private func end(_ holder: LimitHolder, _ memory: inout Memory, now: Int64) {
        if memory.lentUntil != 0, now >= memory.lentUntil {
            memory.lentUntil = 0
            holder.lend(nil)
        }
        if memory.promised != nil, now >= memory.promisedUntil {
            memory.promised = nil
            memory.promisedFor = .none
            holder.promise(nil)
        }
        if now >= memory.neededUntil { memory.needed = .none }
    }

    private func report(_ holder: LimitHolder, _ memory: inout Memory, now: Int64) -> RateReport? {
        var report = RateReport(holder: holder.name, requests: 0, tokens: 0, concurrent: 0, isShort: false, promised: nil)
        let isShort = now < memory.shortUntil
        if isShort, memory.promised == nil, now >= memory.askedUntil, now >= memory.lentUntil - Self.loanRenewal || lacks(holder, memory) {
            let whole = holder.wholeParts
            (report.requests, report.tokens, report.concurrent) = (whole.requests, whole.tokens, whole.concurrent)
            report.isShort = true
            if memory.needed != .none { report.needed = RateShare(memory.needed) }
            return report
        }
        guard let needed = sought[holder.name], !isShort, memory.lentUntil == 0 else { return nil }
        let isMore = needed.greatest(memory.promisedFor) != memory.promisedFor
        guard memory.promised == nil || isMore || now >= memory.promisedUntil - Self.promiseRenewal else { return nil }
        // Once more no more than before: others may already use the rest.
        let enough = holder.enough(now: now, needed: needed)
        let share = memory.promised.map { enough.least($0) } ?? enough
        memory.promised = share
        memory.promisedFor = needed.greatest(memory.promisedFor)
        memory.promisedUntil = now + Self.promiseTime
        memory.isBeingTold = true
        // Before anybody hears of it.
        holder.promise(share, until: memory.promisedUntil)
        report.promised = RateShare(share)
        return report
    }

    /// What was lent is not enough for the request that needed it.
    private func lacks(_ holder: LimitHolder, _ memory: Memory) -> Bool {
        memory.needed.least(holder.minuteShare.caps.parts) != memory.needed
    }

    /// The request was answered, or never will be: the control plane may have heard of its promises until now.
    mutating func told(now: Int64) {
        for (name, memory) in memories where memory.isBeingTold {
            memories[name]?.isBeingTold = false
            memories[name]?.promisedUntil = now + Self.promiseTime
        }
    }

    /// - Parameter now: Nil: as they were asked for.
    mutating func take(_ grants: [RateGrant], _ book: LimitBook, sentAt: Int64, now: Int64? = nil) {
        let known = sought
        sought = [:]
        for grant in grants {
            if grant.isSought {
                let needed = grant.needed.map { RateParts($0) } ?? .none
                sought[grant.holder] = needed
                let before = known[grant.holder] ?? .none
                if needed.greatest(before) != before { isUrgent = true }
            }
            guard grant.milliseconds > 0, memories[grant.holder] != nil, let holder = book.holder(grant.holder) else { continue }
            let extra = RateParts(grant.extra)
            memories[grant.holder]?.askedUntil = sentAt + Self.askPause
            guard extra != .none else { continue }
            let end = max(1, sentAt + Int64(grant.milliseconds) * 1000 - Self.loanMargin)
            memories[grant.holder]?.lentUntil = end
            holder.lend(extra, until: end, now: now ?? sentAt)
        }
    }
}

extension RateParts {
    fileprivate init(_ share: RateShare) {
        self.init(requests: share.requests, tokens: share.tokens, concurrent: share.concurrent)
    }
}

extension RateShare {
    fileprivate init(_ parts: RateParts) {
        self.init(requests: parts.requests, tokens: parts.tokens, concurrent: parts.concurrent)
    }
}
