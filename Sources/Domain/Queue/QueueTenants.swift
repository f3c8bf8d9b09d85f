/// Tenants that wait in a queue or have lately, by rank of their tiers: what each of them holds on average, and how many of its requests wait.
///
/// Who has a request that waits nearly all the time asks for more than it gets. Of those, whoever holds the most is the one that others are to be kept from feeling:
/// only such a tenant has to leave places free. Times are microseconds of a monotonic clock.
package struct QueueTenants: Sendable {
    /// What the others of its rank are to a tenant that has to leave places free.
    package struct Neighbours: Sendable, Equatable {
        /// All that are known, itself among them.
        package var tenants: Int
        /// Places of those of them that ask for more than they get, too: what these hold does not go up and down.
        package var steady: Int

        package init(tenants: Int, steady: Int) { (self.tenants, self.steady) = (tenants, steady) }
    }

    private struct Load: Sendable {
        var waiting = 0
        /// Requests that wait.
        var backlog: Mean
        /// Places that it holds.
        var holds: Mean
        /// Its part of what those with a backlog hold, when all were last looked at.
        var steady = 0

        var hasBacklog: Bool { backlog.value >= QueueTenants.standing }
        var isOver: Bool { waiting == 0 && max(holds.value, backlog.value) < QueueTenants.least }
    }

    private struct Rank: Sendable {
        var loads: [UInt64: Load] = [:]
        /// Of who holds the most of those with a backlog.
        var greatest = 0.0
        var steady = 0
    }

    /// So many requests of a tenant wait on average from where on it asks for more than it gets. Who is new does, until nothing of it waits.
    private static let standing = 1.0
    /// Of the greatest mean: who holds as much is one of those who hold the most.
    private static let heavyShare = 0.8
    /// A mean below it is none.
    private static let least = 0.01
    /// How often it is looked at what they hold.
    private static let interval: Int64 = 100_000

    private var ranks: [Rank]
    private var seenAt: Int64?

    package init(ranks: Int) { self.ranks = .init(repeating: Rank(), count: ranks) }

    // MARK: Who waits

    /// A request begins to wait.
    ///
    /// - Parameter holds: Places that the tenant has, asked for where nothing is known of it.
    package mutating func add(_ tenant: UInt64, rank: Int, now: Int64, holds: () -> Int) {
        know(tenant, rank: rank, now: now, holds: holds)
        ranks[rank].loads[tenant]?.waiting += 1
    }

    /// A request waits no longer.
    package mutating func remove(_ tenant: UInt64, rank: Int, now: Int64) {
        guard var load = ranks[rank].loads[tenant] else { return }
        load.backlog.move(to: Double(load.waiting), now: now)
        load.waiting -= 1
        ranks[rank].loads[tenant] = load
    }

    /// A request was not let in: as if it had waited for as long as it would have held a place.
    package mutating func refuse(_ tenant: UInt64, rank: Int, hold: Int64, now: Int64, holds: () -> Int) {
        know(tenant, rank: rank, now: now, holds: holds)
        ranks[rank].loads[tenant]?.backlog.value += Double(hold) / Mean.time
    }

    private mutating func know(_ tenant: UInt64, rank: Int, now: Int64, holds: () -> Int) {
        if var load = ranks[rank].loads[tenant] {
            load.backlog.move(to: Double(load.waiting), now: now)
            ranks[rank].loads[tenant] = load
        } else {
            let held = Double(holds())
            ranks[rank].loads[tenant] = Load(backlog: Mean(value: Self.standing, at: now), holds: Mean(value: held, at: now))
            ranks[rank].greatest = max(ranks[rank].greatest, held)
        }
    }

    // MARK: What they hold

    /// Looks, ten times a second at most, at what all of them hold; who holds nothing and has not for a while is forgotten.
    package mutating func see(now: Int64, holds: (UInt64) -> Int) {
        if let seenAt, now - seenAt < Self.interval { return }
        seenAt = now
        for rank in ranks.indices { see(&ranks[rank], now: now, holds: holds) }
    }

    private func see(_ rank: inout Rank, now: Int64, holds: (UInt64) -> Int) {
        (rank.greatest, rank.steady) = (0, 0)
        for (tenant, before) in rank.loads {
            var load = before
            let held = holds(tenant)
            load.holds.move(to: Double(held), now: now)
            load.backlog.move(to: Double(load.waiting), now: now)
            load.steady = load.hasBacklog ? held : 0
            rank.loads[tenant] = load.isOver ? nil : load
            guard load.hasBacklog else { continue }
            rank.greatest = max(rank.greatest, load.holds.value)
            rank.steady += held
        }
    }

    /// Its neighbours, where it is one of those that have to leave them places free.
    package func neighbours(of tenant: UInt64, rank: Int) -> Neighbours? {
        let rank = ranks[rank]
        // Of whom nothing is known yet, too.
        guard let load = rank.loads[tenant] else { return Neighbours(tenants: rank.loads.count + 1, steady: rank.steady) }
        guard load.hasBacklog, load.holds.value >= rank.greatest * Self.heavyShare else { return nil }
        return Neighbours(tenants: rank.loads.count, steady: rank.steady - load.steady)
    }
}

/// A mean of the last seconds, of a value that changes at times.
private struct Mean: Sendable {
    /// Time constant, microseconds.
    static let time = 10_000_000.0

    var value: Double
    /// Up to when.
    var at: Int64

    /// It was `value` since the last time. By 1 - exp(-t / T), to the first order.
    mutating func move(to value: Double, now: Int64) {
        let time = Double(max(0, now - at))
        self.value += (value - self.value) * time / (time + Self.time)
        at = max(at, now)
    }
}
