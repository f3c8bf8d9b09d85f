import Domain
import PlimsollWire

/// How requests of a tier wait beside those of the other tiers of a table.
struct TierStanding: Sendable {
    let rules: QueueRules
    /// Per cent of a worker's slots that greater ranks do not keep for their bursts.
    let slotPercent: Int
    /// Slots that are reserved for other tiers.
    let reserved: ReservedSlots
    /// Of its rank among those of the table, 0 the greatest.
    let place: Int
    /// Running requests of it make way for those of protected tiers.
    let yields: Bool

    static func standings(_ tiers: [String: TierEntry]) -> [String: TierStanding] {
        let rules = tiers.mapValues { QueueRules($0.queue) }
        let ranks = Set(rules.values.map(\.rank)).sorted(by: >)
        let isAnyProtected = rules.values.contains { $0.isProtected }
        return rules.mapValues { own in
            let kept = rules.values.reduce(0) { $0 + ($1.rank > own.rank ? $1.burstPercent : 0) }
            var reserved = ReservedSlots()
            for other in rules.values where other.rank != own.rank { reserved.add(other.reservedPercent, of: place(of: other.rank, ranks)) }
            return TierStanding(
                rules: own, slotPercent: max(1, 100 - kept), reserved: reserved, place: place(of: own.rank, ranks),
                yields: isAnyProtected && !own.isProtected)
        }
    }

    /// Lesser ranks share the last place.
    private static func place(of rank: Int, _ ranks: [Int]) -> Int { min(ranks.firstIndex(of: rank) ?? 0, TenantHoldings.ranks - 1) }
}

extension QueueRules {
    init(_ entry: TierQueue?) {
        self.init()
        guard let entry else { return }
        rank = entry.priority ?? rank
        isProtected = entry.isProtected ?? isProtected
        floorPercent = entry.floorPercent ?? floorPercent
        requests = entry.requests ?? requests
        bytes = entry.bytes ?? bytes
        wait = entry.waitMicroseconds
        burstPercent = entry.burstPercent ?? burstPercent
        reservedPercent = entry.reservedPercent ?? reservedPercent
        tenantSharePercent = entry.tenantSharePercent ?? tenantSharePercent
        batchDeadline = entry.batchDeadlineSeconds.map { Int64($0) * 1_000_000 } ?? batchDeadline
    }
}
