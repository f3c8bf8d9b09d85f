/// What a tenant that asks for more than there is leaves free for its neighbours: the more, the more it holds itself, and the more their need moves.
///
/// The first is the rule of dynamic thresholds (Choudhury and Hahne, "Dynamic queue length thresholds in a shared-memory packet switch", INFOCOM 1996): one tenant
/// that asks for everything gets eight ninths, `n` such tenants get 8 in 8n + 1 each. The second is by the square root of what those hold who do not ask for more than
/// they get, by which the number of requests of independent clients goes up and down (Poisson). No number of tenants has to be known.
package enum Headroom {
    /// A tenant may hold so many times of what it leaves free.
    static let factor = 8
    /// Standard deviations of what others hold that are left free.
    static let deviations = 2.0
    /// Of an equal share of the slots: who holds less leaves nothing free, or many that ask for little would leave it nothing.
    static let ownShare = 0.75
    /// In smaller pools a place that is kept free costs more than it saves.
    package static let leastSlots = 4

    /// Whether a tenant may have one place more. Who holds none may.
    ///
    /// - Parameters:
    ///   - held: By the tenant.
    ///   - moving: What those of its neighbours hold whose need goes up and down.
    ///   - free: Of all, before it gets one.
    package static func allowsPlace(held: Int, moving: Int, free: Int) -> Bool {
        held == 0 || allows(held: held, adding: 1, free: free) && free - 1 >= Int(deviations * Double(max(0, moving)).squareRoot())
    }

    /// Whether a tenant may have so many tokens of KV cache more.
    package static func allows(held: Int, adding: Int, free: Int) -> Bool {
        held == 0 || held + adding <= factor * (free - adding)
    }

    /// With a place more it still holds less than it has to leave free from.
    ///
    /// - Parameters:
    ///   - slots: That its tier may use and greater ones do not.
    ///   - tenants: That are known to want them.
    package static func isSmall(held: Int, slots: Int, tenants: Int) -> Bool {
        Double(held + 1) <= ownShare * Double(slots) / Double(max(2, tenants))
    }
}
