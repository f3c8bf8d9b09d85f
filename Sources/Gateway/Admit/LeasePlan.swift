import Domain
import PlimsollWire

/// Decides what to tell of each lease and what to ask for. Times are microseconds of the monotonic clock.
struct LeasePlan {
    /// More is asked for when what is held would last for less than this, or is below a quarter of what was last held.
    private static let lowWater: Int64 = 5
    private static let supply: Int64 = 15
    /// What was spent is told at least so often.
    private static let reportInterval: Int64 = 5_000_000
    private static let exhaustedPause: Int64 = 1_000_000
    /// A lease ends here before it ends at the control plane.
    static let margin: Int64 = 1_000_000

    fileprivate struct Memory {
        var lookedAt: Int64
        var used: Int64
        /// Units a second, of the last looks.
        var rate: Int64 = 0
        var reportedAt: Int64 = .min / 2
        var reportedSpent: Int64 = 0
        var usedAt: Int64
        var held: Int64 = 0
        var exhaustedAt: Int64?
        /// The ceiling was lowered to this; told at the next look, when nobody can be in the middle of a reservation by the old one.
        var lowered: Int64?
        var lifetime: Int64 = 60_000_000
    }

    private var memories: [SoughtQuota: Memory] = [:]
    private var sequence: Int64 = 0
    private let isLast: Bool
    private var isReachable = true
    var sought: Set<SoughtQuota> = []
    var rates = RatePlan()

    /// - Parameter isLast: Everything is told once more, and what is not used is given back.
    init(isLast: Bool = false) {
        self.isLast = isLast
        if isLast { sequence = .max - 1 }
    }

    mutating func nextSequence() -> Int64 {
        // There is none after that of the last reports, of which each quota has one.
        if sequence < .max { sequence += 1 }
        return sequence
    }

    /// - Parameter isReachable: False: nobody would hear of what is given back, so all is kept.
    mutating func reports(_ holders: [LimitHolder], now: Int64, isReachable: Bool = true) -> [LeaseReport] {
        self.isReachable = isReachable
        var reports: [LeaseReport] = []
        var seen: Set<SoughtQuota> = []
        for holder in holders {
            for kind in QuotaKind.allCases where holder.agreed(kind) != LimitHolder.unlimited {
                let number = holder.number(kind)
                for period in [number, number + 1] where holder.slot(kind, period).number.value == period {
                    let name = SoughtQuota(holder: holder.name, kind: kind.rawValue, period: period)
                    let isNext = period != number
                    // The next window is prepared for who was there in this one.
                    if isNext, holder.slot(kind, number).used.value == 0 { continue }
                    seen.insert(name)
                    if let report = report(holder, kind, name, isNext: isNext, now: now) { reports.append(report) }
                }
            }
        }
        memories = memories.filter { seen.contains($0.key) }
        return reports
    }

    private mutating func report(_ holder: LimitHolder, _ kind: QuotaKind, _ name: SoughtQuota, isNext: Bool, now: Int64) -> LeaseReport? {
        let slot = holder.slot(kind, name.period)
        let (used, want) = (slot.used.value, isNext ? 0 : holder.takeWant(kind))
        if slot.leasedUntil.value <= now, slot.ceiling.value > 0 { slot.ceiling.value = 0 }
        var memory = memories[name] ?? Memory(lookedAt: now, used: used, usedAt: now)
        memory.look(used: used, now: now)
        defer { memories[name] = memory }
        let (taken, ceiling) = (slot.taken.value, slot.ceiling.value)
        var report = LeaseReport(holder: name.holder, kind: name.kind, period: name.period, granted: max(ceiling, taken), spent: used, need: 0)
        report.enough = surplus(slot, taken: taken, ceiling: ceiling, isSought: sought.contains(name), &memory, now: now)
        if report.enough == nil {
            report.need = need(want: want, free: ceiling - taken, isNext: isNext, &memory, now: now)
        }
        let isDue = used != memory.reportedSpent && now - memory.reportedAt >= Self.reportInterval
        guard report.need > 0 || report.enough != nil || isDue || isLast && ceiling > 0 else { return nil }
        if isLast {
            // The next process must not admit from what is given back.
            slot.ceiling.value = min(ceiling, taken)
            (report.need, report.enough) = (0, taken)
        }
        memory.reportedAt = now
        memory.reportedSpent = used
        return report
    }

    /// How much more is needed; 0: enough is held.
    private func need(want: Int64, free: Int64, isNext: Bool, _ memory: inout Memory, now: Int64) -> Int64 {
        if let since = memory.exhaustedAt, now - since < Self.exhaustedPause { return 0 }
        if want > free { return want - max(free, 0) }
        if isNext, memory.held == 0 { return 1 }
        guard memory.rate > 0 || want > 0, free < max(memory.rate * Self.lowWater, memory.held / 4) else { return 0 }
        return max(1, memory.rate * Self.supply - max(free, 0))
    }

    /// What is enough, when others look for more or nothing has been used for half of the lease's time; nil: all is kept.
    private func surplus(
        _ slot: LimitHolder.Slot, taken: Int64, ceiling: Int64, isSought: Bool, _ memory: inout Memory, now: Int64
    ) -> Int64? {
        if let lowered = memory.lowered {
            memory.lowered = nil
            return max(lowered, taken)
        }
        guard isReachable else { return nil }
        let isIdle = ceiling > taken && now - memory.usedAt > memory.lifetime / 2
        guard isSought || isIdle, ceiling > 0 else { return nil }
        let enough = isIdle ? taken : taken + memory.rate * Self.supply
        guard enough < ceiling else { return nil }
        slot.ceiling.value = enough
        memory.lowered = enough
        return nil
    }

    /// Takes over what the control plane says of one lease.
    mutating func take(_ grant: LeaseGrant, _ book: LimitBook, sentAt: Int64, now: Int64) {
        guard let kind = QuotaKind(rawValue: grant.kind), let holder = book.holder(grant.holder) else { return }
        let name = SoughtQuota(holder: grant.holder, kind: grant.kind, period: grant.period)
        let slot = holder.slot(kind, grant.period)
        guard slot.number.value == grant.period, holder.agreed(kind) != LimitHolder.unlimited else { return }
        // Words that were lost with a disk: what the control plane was told before counts.
        let lost = grant.spent - slot.used.value
        if lost > 0 {
            slot.used.add(lost)
            slot.taken.add(lost)
        }
        slot.elsewhere.value = grant.elsewhere
        slot.leasedUntil.value = max(1, sentAt + grant.seconds * 1_000_000 - LeasePlan.margin)
        slot.ceiling.value = min(grant.granted, memories[name]?.lowered ?? grant.granted)
        holder.setExhausted(kind, grant.isExhausted)
        memories[name]?.held = max(0, grant.granted - slot.taken.value)
        memories[name]?.exhaustedAt = grant.isExhausted ? now : nil
        memories[name]?.lifetime = grant.seconds * 1_000_000
        if lost > 0 { memories[name]?.used = slot.used.value }
    }
}

extension LeasePlan.Memory {
    /// Keeps a rate that follows a rise at once and a fall within seconds.
    fileprivate mutating func look(used now: Int64, now time: Int64) {
        let elapsed = time - lookedAt
        guard elapsed >= 200_000 else { return }
        let present = max(0, now - used) * 1_000_000 / elapsed
        rate = max(present, rate - rate * min(elapsed, 5_000_000) / 5_000_000)
        if now != used { usedAt = time }
        used = now
        lookedAt = time
    }
}
