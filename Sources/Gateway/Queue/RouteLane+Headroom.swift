import Domain

extension RouteLane {
    /// With one place more the need's tenant still leaves enough free, of slots and of KV cache, for the others of its tier. What lesser tiers hold counts as
    /// free: a greater one is not to be kept waiting by them.
    ///
    /// - Parameters:
    ///   - waiting: Tenants of its rank that wait for places.
    ///   - asked: Places that are on their way to the tenant besides what it holds.
    func leavesHeadroom(_ need: PlaceNeed, waiting: Int = 1, asked: Int = 0) -> Bool {
        var own = Holding(places: asked, tokens: asked * need.tokens)
        for worker in workers where worker.isReachable { own += worker.tally.holding(need.tenant) }
        // Who holds nothing is asked for nothing: the usual case is over here.
        guard own.places > 0 else { return true }
        var taken = Holding(places: asked, tokens: asked * need.tokens)
        var slots = 0
        var cache: Int? = 0
        for worker in workers where worker.isReachable {
            taken += worker.tally.holding(upTo: need.rank)
            slots += max(0, worker.limit(need))
            cache = cache.flatMap { sum in worker.kvTokens.map { sum + $0 } }
        }
        guard slots >= Headroom.leastSlots else { return true }
        let others = taken.places - own.places
        guard Headroom.allowsPlace(held: own.places, others: others, free: slots - taken.places, waiting: waiting) else { return false }
        return cache.map { Headroom.allows(held: own.tokens, adding: need.tokens, free: $0 - taken.tokens) } ?? true
    }
}
