import Domain

/// A request's trace while the request runs, and what few look at. Apart, because the allocator keeps no list of blocks above 1,032 bytes: each would be
/// cut from the free memory, and joined to it again.
final class KeptTrace {
    var trace = RoutingTrace()
    /// For the heads that tell the limits.
    var standing: LimitStanding?
    /// For a refusal, microseconds.
    var retryAfter: Int64?
    var continuations = 0
    /// Microseconds before it was admitted, until its limits had room.
    var leasedFor: Int64 = 0
    /// A worker has refused the request, and another one is asked.
    var doubted: DoubtedRefusal?
    /// What is being recorded of its end; nil before, and once it is counted.
    var completion: Completion?
    /// It was taken out of the tenant's budget.
    var paysDoubt = false
    /// Second tries that were taken out of the tenant's budget and may come back to it.
    var paidRetries: UInt8 = 0
    /// Attempts that failed by an error or in time: losses and refusals are none.
    var failures: UInt8 = 0
}
