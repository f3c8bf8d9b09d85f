/// Tenants that wait in a queue or have lately, by rank of their tiers, and how much each of them holds on average.
///
/// Whoever holds the most is the one that others are to be kept from feeling: only such a tenant has to leave places free. Times are microseconds of a monotonic clock.
package struct QueueTenants: Sendable {
    private struct Load: Sendable {
        var waiting = 0
        /// Places that it holds on average over the last seconds.
        var mean: Double
        var seen: Int64
    }

    /// Time constant of the means, microseconds.
    private static let meanTime = 10_000_000.0
    /// Of the greatest mean: who holds as much is one of those who hold the most.
    private static let heavyShare = 0.8
    private static let leastMean = 0.01

    private var loads: [[UInt64: Load]]
    private var greatest: [Double]

    package init(ranks: Int) {
        loads = .init(repeating: [:], count: ranks)
        greatest = .init(repeating: 0, count: ranks)
    }

    // MARK: Who waits

    /// - Parameter holds: Places that the tenant has, asked for where nothing is known of it.
    package mutating func add(_ tenant: UInt64, rank: Int, now: Int64, holds: () -> Int) {
        guard loads[rank][tenant] == nil else {
            loads[rank][tenant]?.waiting += 1
            return
        }
        let mean = Double(holds())
        loads[rank][tenant] = Load(waiting: 1, mean: mean, seen: now)
        greatest[rank] = max(greatest[rank], mean)
    }

    package mutating func remove(_ tenant: UInt64, rank: Int) { loads[rank][tenant]?.waiting -= 1 }

    package func waiting(_ rank: Int) -> Int { loads[rank].values.count { $0.waiting > 0 } }

    // MARK: What they hold

    /// Looks at what all of them hold; who holds nothing and has not for a while is forgotten.
    package mutating func see(now: Int64, holds: (UInt64) -> Int) {
        for rank in loads.indices {
            greatest[rank] = 0
            for (tenant, load) in loads[rank] {
                let mean = load.mean + (Double(holds(tenant)) - load.mean) * Self.weight(after: now - load.seen)
                greatest[rank] = max(greatest[rank], mean)
                loads[rank][tenant] = mean < Self.leastMean && load.waiting == 0 ? nil : Load(waiting: load.waiting, mean: mean, seen: now)
            }
        }
    }

    /// It is one of those that hold the most of their rank.
    package func isHeavy(_ tenant: UInt64, rank: Int) -> Bool {
        loads[rank][tenant].map { $0.mean >= greatest[rank] * Self.heavyShare } ?? true
    }

    /// Of a new value in the mean: 1 - exp(-t / T), to the first order.
    private static func weight(after time: Int64) -> Double { Double(max(0, time)) / (Double(max(0, time)) + meanTime) }
}
