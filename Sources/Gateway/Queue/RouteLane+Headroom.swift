import Domain

extension RouteLane {
    /// With one place more the need's tenant still leaves enough free, of slots and of KV cache, for the others of its tier. What lesser tiers hold counts as
    /// free: a greater one is not to be kept waiting by them.
    ///
    /// - Parameters:
    ///   - neighbours: Of its rank; nil where nothing is known of them.
    ///   - asked: Places that are on their way to the tenant besides what it holds.
    func leavesHeadroom(_ need: PlaceNeed, neighbours: QueueTenants.Neighbours? = nil, asked: Int = 0) -> Bool {
        var own = Holding(places: asked, tokens: asked * need.tokens)
        for worker in workers where worker.isReachable { own += worker.tally.holding(need.tenant) }
        // Who holds nothing is asked for nothing: the usual case is over here.
        guard own.places > 0 else { return true }
        var (greater, ranks) = (Holding(), Holding(places: asked, tokens: asked * need.tokens))
        var slots = 0
        var cache: Int? = 0
        for worker in workers where worker.isReachable {
            greater += worker.tally.holding(above: need.rank)
            ranks += worker.tally.holding(of: need.rank)
            slots += max(0, worker.limit(need))
            cache = cache.flatMap { sum in worker.kvTokens.map { sum + $0 } }
        }
        guard slots >= Headroom.leastSlots else { return true }
        if let neighbours, Headroom.isSmall(held: own.places, slots: slots - greater.places, tenants: neighbours.tenants) { return true }
        let moving = ranks.places - own.places - (neighbours?.steady ?? 0)
        let free = slots - greater.places - ranks.places
        guard Headroom.allowsPlace(held: own.places, moving: moving, free: free) else { return false }
        return cache.map { Headroom.allows(held: own.tokens, adding: need.tokens, free: $0 - greater.tokens - ranks.tokens) } ?? true
    }
}
