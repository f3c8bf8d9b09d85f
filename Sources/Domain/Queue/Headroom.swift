/// What a tenant leaves free for its neighbours while more than one is active: the more, the more it holds itself, and the more the others' need moves.
///
/// The first is the rule of dynamic thresholds (Choudhury and Hahne, "Dynamic queue length thresholds in a shared-memory packet switch", INFOCOM 1996): one tenant
/// that asks for everything gets eight ninths, `n` such tenants get 8 in 8n + 1 each. The second is by the square root of what the others hold, by which the number of
/// requests of independent clients goes up and down (Poisson). No number of tenants has to be known.
package enum Headroom {
    /// A tenant may hold so many times of what it leaves free.
    static let factor = 8
    /// Standard deviations of what others hold that are left free.
    static let deviations = 1.5
    /// In smaller pools a place that is kept free costs more than it saves.
    package static let leastSlots = 4

    /// Whether a tenant may have one place more. Who holds none may.
    ///
    /// - Parameters:
    ///   - held: By the tenant.
    ///   - others: That its neighbours hold.
    ///   - free: Of all, before it gets one.
    ///   - waiting: Tenants that wait for places: these are served in turns, and need no place at once.
    package static func allowsPlace(held: Int, others: Int, free: Int, waiting: Int) -> Bool {
        let moved = Int(deviations * Double(max(0, others)).squareRoot()) / max(1, waiting)
        return held == 0 || allows(held: held, adding: 1, free: free) && free - 1 >= moved
    }

    /// Whether a tenant may have so many tokens of KV cache more.
    package static func allows(held: Int, adding: Int, free: Int) -> Bool {
        held == 0 || held + adding <= factor * (free - adding)
    }
}
