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
        /// Nothing could be lent: others are being asked.
        var askedUntil: Int64 = 0
        /// The promise is in the request under way.
        var isBeingTold = false
    }

    private var memories: [String: Memory] = [:]
    /// Holders that some gateway is short of.
    private var sought: Set<String> = []

    mutating func reports(_ holders: [LimitHolder], now: Int64) -> [RateReport] {
        var reports: [RateReport] = []
        for holder in holders where holder.isShared {
            let isShort = holder.takeShort()
            guard isShort || memories[holder.name] != nil || sought.contains(holder.name) else { continue }
            var memory = memories[holder.name] ?? Memory()
            if isShort { memory.shortUntil = now + Self.shortTime }
            end(holder, &memory, now: now)
            if let report = report(holder, &memory, now: now) { reports.append(report) }
            let isIdle = memory.shortUntil <= now && memory.promised == nil && memory.lentUntil == 0
            memories[holder.name] = isIdle ? nil : memory
        }
        return reports
    }

    private func end(_ holder: LimitHolder, _ memory: inout Memory, now: Int64) {
        if memory.lentUntil != 0, now >= memory.lentUntil {
            memory.lentUntil = 0
            holder.lend(nil)
        }
        if memory.promised != nil, now >= memory.promisedUntil {
            memory.promised = nil
            holder.promise(nil)
        }
    }

    private func report(_ holder: LimitHolder, _ memory: inout Memory, now: Int64) -> RateReport? {
        var report = RateReport(holder: holder.name, requests: 0, tokens: 0, concurrent: 0, isShort: false, promised: nil)
        let isShort = now < memory.shortUntil
        if isShort, memory.promised == nil, now >= max(memory.lentUntil - Self.loanRenewal, memory.askedUntil) {
            let whole = holder.wholeParts
            (report.requests, report.tokens, report.concurrent) = (whole.requests, whole.tokens, whole.concurrent)
            report.isShort = true
            return report
        }
        guard sought.contains(holder.name), !isShort, memory.lentUntil == 0 else { return nil }
        guard memory.promised == nil || now >= memory.promisedUntil - Self.promiseRenewal else { return nil }
        // Once more no more than before: others may already use the rest.
        let share = memory.promised.map { holder.enough(now: now).least($0) } ?? holder.enough(now: now)
        memory.promised = share
        memory.promisedUntil = now + Self.promiseTime
        memory.isBeingTold = true
        // Before anybody hears of it.
        holder.promise(share)
        report.promised = RateShare(requests: share.requests, tokens: share.tokens, concurrent: share.concurrent)
        return report
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
        sought = []
        for grant in grants {
            if grant.isSought { sought.insert(grant.holder) }
            guard grant.milliseconds > 0, memories[grant.holder] != nil, let holder = book.holder(grant.holder) else { continue }
            let extra = RateParts(requests: grant.extra.requests, tokens: grant.extra.tokens, concurrent: grant.extra.concurrent)
            guard extra != .none else {
                memories[grant.holder]?.askedUntil = sentAt + Self.askPause
                continue
            }
            let end = max(1, sentAt + Int64(grant.milliseconds) * 1000 - Self.loanMargin)
            memories[grant.holder]?.lentUntil = end
            holder.lend(extra, until: end, now: now ?? sentAt)
        }
    }
}
