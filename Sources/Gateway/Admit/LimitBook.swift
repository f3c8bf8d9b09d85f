import Domain
import NIOCore
import PlimsollWire
import Synchronization

/// Keeps what each tenant and key has taken of its limits, from one table to the next and, in its file, from one process to the next.
package final class LimitBook: Sendable {
    /// A million US dollars in 10^-12: above it a limit counts as this one.
    static let greatestSpend: Int64 = 1_000_000_000_000_000_000
    /// The next window is made ready so long before it begins, microseconds.
    static let readiness: Int64 = 600_000_000

    private struct Pages: Sendable {
        var holders: [String: LimitHolder] = [:]
        /// Those that no table names any more, as long as a request of theirs may run.
        var departed: [String: LimitHolder] = [:]
        var clock: SteadyClock
    }

    package let file: LimitFile
    /// What may be taken of calendar windows comes in leases of the control plane.
    let isLeased: Bool
    /// Where words go that the disk has no space for.
    private let spare: LimitFile
    private let pages: Mutex<Pages>

    /// - Parameters:
    ///   - isLeased: False: this gateway is the only one, and the limits themselves are its ceilings.
    ///   - wall: Microseconds since 1970.
    ///   - monotonic: Microseconds.
    package init(file: LimitFile, isLeased: Bool, wall: Int64, monotonic: Int64) throws(MeterError) {
        self.file = file
        self.isLeased = isLeased
        spare = try LimitFile()
        pages = Mutex(Pages(clock: SteadyClock(wall: wall, monotonic: monotonic, notBefore: file.steadyTime)))
        tick(wall: wall, monotonic: monotonic)
    }

    /// That lives as long as the process.
    static func unkept() -> LimitBook {
        do throws(MeterError) {
            return try LimitBook(
                file: LimitFile(), isLeased: false, wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
        } catch {
            preconditionFailure("no memory for limits: \(error)")
        }
    }

    /// Lets the time go on: what window is counted in, and the next one made ready. Often, from any thread but the loops'.
    package func tick(wall: Int64, monotonic: Int64) {
        pages.withLock { pages in
            let time = pages.clock.now(wall: wall, monotonic: monotonic)
            file.steadyTime = time
            for period in QuotaPeriod.allCases { follow(period, time, pages.holders.values, now: monotonic) }
            guard isLeased else { return }
            for holder in pages.holders.values { holder.endLeases(now: monotonic) }
        }
    }

    /// Takes over the time of a better clock, microseconds since 1970. Only where limits come in leases: what was used of an earlier window whose words went to
    /// a later one is told with the next lease.
    func setTime(_ time: Int64, monotonic: Int64) { pages.withLock { $0.clock.set(time, monotonic: monotonic) } }

    private func follow(_ period: QuotaPeriod, _ time: Int64, _ holders: some Sequence<LimitHolder>, now: Int64) {
        // An earlier one than before only where a better clock says so.
        let number = period.number(at: time)
        let isNextNear = period.end(of: number) - time < Self.readiness
        // Whoever came since is ready for it: a hundred thousand keys are not looked through at each tick.
        guard isNextNear || file.number(period) != number else { return }
        let kinds = QuotaKind.allCases.filter { $0.period == period }
        for holder in holders {
            for kind in kinds {
                holder.prepare(kind, number, isLeased: isLeased, now: now)
                if isNextNear { holder.prepare(kind, number + 1, isLeased: isLeased, now: now) }
            }
        }
        // Loops count in it from here on.
        if file.number(period) != number { file.begin(period, number) }
    }

    /// - Parameters:
    ///   - share: This gateway's of the limits of a minute.
    ///   - agreed: What was agreed, where less of it is left for a while.
    func limits(
        for key: KeyEntry, tenant: TenantEntry, tier: TierEntry, agreed: (key: KeyEntry, tier: TierEntry)? = nil, share: GatewayShare, now: Int64
    ) -> KeyLimits {
        pages.withLock { pages in
            let tenantHolder = holder("tenant/" + key.tenant, &pages, now)
            tenantHolder.change(share.of(MinuteCaps(tier)), of: MinuteCaps(tier))
            tenantHolder.withhold(agreed.map { WithheldCaps(share.of(MinuteCaps(tier)), of: share.of(MinuteCaps($0.tier))) })
            tenantHolder.change(QuotaLimits(tenant, tier), isLeased: isLeased, now: now)
            let own = holder("key/" + key.id, &pages, now)
            own.change(share.of(MinuteCaps(key, tier)), of: MinuteCaps(key, tier))
            own.withhold(agreed.map { WithheldCaps(share.of(MinuteCaps(key, tier)), of: share.of(MinuteCaps($0.key, $0.tier))) })
            own.change(QuotaLimits(key), isLeased: isLeased, now: now)
            return KeyLimits(tenant: tenantHolder, own: own, hasOwnMinute: key.hasOwnMinute, file: file)
        }
    }

    /// Lets holders go that are in no table any more; `names` are `tenant/ID` and `key/ID`. Should they come back, they find what they have used.
    func keep(only names: Set<String>) {
        pages.withLock { pages in
            for (name, holder) in pages.holders where !names.contains(name) {
                pages.holders[name] = nil
                pages.departed[name] = holder
            }
        }
    }

    /// Forgets, in the file too, holders that no table names and of whom nothing counts any more. What was used of a window stays until the window is over: a
    /// key may come back, and the table at hand may be an old one. Now and then, from any thread but the loops'.
    package func forgetDeparted(now: Int64) {
        pages.withLock { pages in
            for name in Array(pages.departed.keys) where isKnownUniquelyReferenced(&pages.departed[name]) { pages.departed[name] = nil }
            for file in [file, spare] {
                file.forget { name, words in
                    pages.holders[name] == nil && pages.departed[name] == nil && LimitHolder.isOver(words, in: self.file, now: now)
                }
            }
        }
    }

    var holders: [LimitHolder] { pages.withLock { Array($0.holders.values) } }

    func holder(_ name: String) -> LimitHolder? { pages.withLock { $0.holders[name] } }

    private func holder(_ name: String, _ pages: inout Pages, _ now: Int64) -> LimitHolder {
        if let known = pages.holders[name] { return known }
        let made = pages.departed.removeValue(forKey: name) ?? LimitHolder(name: name, words: words(name), file: file)
        for kind in QuotaKind.allCases { made.prepare(kind, file.number(kind.period), isLeased: isLeased, now: now) }
        pages.holders[name] = made
        return made
    }

    private func words(_ name: String) -> LimitWords {
        do throws(MeterError) { return try file.record(name) } catch { return spareWords(name) }
    }

    /// The disk is full: what is counted now is lost with this process, which is better than to serve nobody or without limits.
    private func spareWords(_ name: String) -> LimitWords {
        do throws(MeterError) { return try spare.record(name) } catch { preconditionFailure("no memory for limits: \(error)") }
    }
}

/// One gateway's part of the limits of a minute: the parts of all gateways in the table add up to the limit.
struct GatewayShare: Sendable, Equatable {
    private let count: Int
    /// Place among the gateways by id; nil: not in the table.
    private let rank: Int?

    static let whole = GatewayShare(gateways: [], own: "")

    init(gateways: [GatewayEntry], own: String) {
        count = max(gateways.count, 1)
        rank = gateways.isEmpty ? 0 : gateways.map(\.id).sorted().firstIndex(of: own)
    }

    func of(_ limit: Int) -> Int {
        guard let rank else { return limit / count }
        return (rank + 1) * limit / count - rank * limit / count
    }

    func of(_ caps: MinuteCaps) -> MinuteCaps {
        MinuteCaps(
            requests: of(caps.requests), requestBurst: of(caps.requestBurst), tokens: of(caps.tokens), tokenBurst: of(caps.tokenBurst),
            concurrent: of(caps.concurrent))
    }
}

extension MinuteCaps {
    init(_ tier: TierEntry) {
        self.init(
            requests: tier.requestsPerMinute, requestBurst: tier.burstRequests ?? tier.requestsPerMinute, tokens: tier.tokensPerMinute,
            tokenBurst: tier.burstTokens ?? tier.tokensPerMinute, concurrent: tier.concurrentRequests)
    }

    /// Of a key; what it has none of its own of is the tier's.
    init(_ key: KeyEntry, _ tier: TierEntry) {
        let (requests, tokens) = (key.requestsPerMinute ?? tier.requestsPerMinute, key.tokensPerMinute ?? tier.tokensPerMinute)
        self.init(
            requests: requests, requestBurst: key.burstRequests ?? key.requestsPerMinute ?? tier.burstRequests ?? requests, tokens: tokens,
            tokenBurst: key.burstTokens ?? key.tokensPerMinute ?? tier.burstTokens ?? tokens,
            concurrent: key.concurrentRequests ?? tier.concurrentRequests)
    }
}

extension KeyEntry {
    /// It has a limit of the minute of its own.
    var hasOwnMinute: Bool {
        requestsPerMinute != nil || tokensPerMinute != nil || concurrentRequests != nil || burstRequests != nil || burstTokens != nil
    }
}

extension QuotaLimits {
    init(_ tenant: TenantEntry, _ tier: TierEntry) {
        self.init(
            tokensPerDay: tenant.tokensPerDay ?? tier.tokensPerDay, tokensPerMonth: tenant.tokensPerMonth ?? tier.tokensPerMonth,
            spendPerMonth: Self.pico(tenant.spendPerMonthMicroUsd ?? tier.spendPerMonthMicroUsd))
    }

    init(_ key: KeyEntry) {
        self.init(
            tokensPerDay: key.tokensPerDay, tokensPerMonth: key.tokensPerMonth, spendPerMonth: Self.pico(key.spendPerMonthMicroUsd))
    }

    private static func pico(_ micro: Int64?) -> Int64? { micro.map { min($0, 1_000_000_000_000) * 1_000_000 } }
}
