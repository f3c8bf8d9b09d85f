import Synchronization

/// Whether more than one tenant has asked lately. Safe from any thread; in the usual case one load.
package struct TenantMix: ~Copyable, Sendable {
    /// Microseconds for which two tenants are remembered at most; at least half as long after either's last request.
    package static let memory: Int64 = 600_000_000
    /// How exactly the time of the last one's request is known: while it is alone, its requests write nothing in between.
    private static let grain: Int64 = 10_000_000

    private let last = Atomic<UInt64>(0)
    private let lastAt = Atomic<Int64>(0)
    private let mixedUntil = Atomic<Int64>(0)

    package init() {}

    /// - Parameters:
    ///   - tenant: Not 0.
    ///   - now: Microseconds of a monotonic clock.
    package func note(_ tenant: UInt64, now: Int64) {
        // Looked at again only when half of the time is over: with many tenants this is read, not written.
        guard mixedUntil.load(ordering: .relaxed) < now + Self.memory / 2 else { return }
        let (before, at) = (last.load(ordering: .relaxed), lastAt.load(ordering: .relaxed))
        guard before != tenant || now - at > Self.grain else { return }
        last.store(tenant, ordering: .relaxed)
        lastAt.store(now, ordering: .relaxed)
        // A neighbour of hours ago is none.
        guard before != 0, before != tenant, now - at < Self.memory / 2 else { return }
        mixedUntil.store(now + Self.memory, ordering: .relaxed)
    }

    package func isMixed(now: Int64) -> Bool { mixedUntil.load(ordering: .relaxed) > now }
}
