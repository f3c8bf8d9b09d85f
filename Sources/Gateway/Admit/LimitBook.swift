import PlimsollWire
import Synchronization

/// Keeps what each tenant and key has spent, from one table to the next.
final class LimitBook: Sendable {
    private struct Pages: Sendable {
        var allowances: [String: Allowance] = [:]
        var keys: [String: KeyLimits] = [:]
        var hasOwn: [String: Bool] = [:]
    }

    private let pages = Mutex(Pages())

    /// - Parameter gateways: Each of them admits its share of the limits of a minute, so that their sum never exceeds the limit.
    func limits(for key: KeyEntry, tier: TierEntry, gateways: Int, now: Int64) -> KeyLimits {
        func share(_ limit: Int) -> Int { max(1, limit / gateways) }
        let tierCaps = Allowance.Caps(
            requests: share(tier.requestsPerMinute), tokens: share(tier.tokensPerMinute), concurrent: share(tier.concurrentRequests))
        let hasOwn = key.requestsPerMinute != nil || key.tokensPerMinute != nil || key.concurrentRequests != nil
        let ownCaps = Allowance.Caps(
            requests: share(key.requestsPerMinute ?? tier.requestsPerMinute), tokens: share(key.tokensPerMinute ?? tier.tokensPerMinute),
            concurrent: share(key.concurrentRequests ?? tier.concurrentRequests))
        return pages.withLock { pages in
            let tenant = allowance("tenant/" + key.tenant, tierCaps, &pages, now)
            let own = hasOwn ? allowance("key/" + key.id, ownCaps, &pages, now) : nil
            if let known = pages.keys[key.id], pages.hasOwn[key.id] == hasOwn { return known }
            let limits = KeyLimits(tenant: tenant, own: own, now: now)
            pages.keys[key.id] = limits
            pages.hasOwn[key.id] = hasOwn
            return limits
        }
    }

    /// Forgets holders that are in no table any more; `names` are `tenant/ID` and `key/ID`.
    func keep(only names: Set<String>) {
        pages.withLock { pages in
            pages.allowances = pages.allowances.filter { names.contains($0.key) }
            pages.keys = pages.keys.filter { names.contains("key/" + $0.key) }
            pages.hasOwn = pages.hasOwn.filter { names.contains("key/" + $0.key) }
        }
    }

    private func allowance(_ name: String, _ caps: Allowance.Caps, _ pages: inout Pages, _ now: Int64) -> Allowance {
        if let known = pages.allowances[name] {
            known.change(caps, now: now)
            return known
        }
        let made = Allowance(caps, now: now)
        pages.allowances[name] = made
        return made
    }
}
