import Synchronization

/// Who tried keys that do not exist, over all event loops of a gateway or at a replica's public port, and how long no more of that is looked at.
///
/// Kept by site, because whoever has one address of a /64 has them all. It can lock nobody out: it is asked only about keys that were refused
/// already, so that a valid key passes from everywhere. Its memory is fixed, 32 KiB: of four sites that share a place, the one that was quiet for
/// longest makes way. Loops change it without a lock.
package final class FailedKeys: Sendable {
    private static let places = 4096
    private static let ways = 4

    /// Words of `FailedSite`.
    private let sites = InlineArray<4096, Atomic<UInt64>>({ _ in Atomic<UInt64>(0) })
    private let locks = Atomic<Int>(0)

    package init() {}

    /// Times that a site was locked since the last call.
    package func takeLocks() -> Int {
        locks.exchange(0, ordering: .relaxed)
    }

    /// Whether the site of the address is locked.
    ///
    /// - Parameter now: Seconds of a clock that goes on.
    package func isLocked(_ address: NetworkAddress, now: Int64) -> Bool {
        let (group, tag) = place(of: address)
        return group.contains { place in
            let site = site(place)
            return site.tag == tag && site.isLocked(now: now)
        }
    }

    /// A key failed that cannot exist or that nobody has.
    package func failed(_ address: NetworkAddress, now: Int64) {
        let (group, tag) = place(of: address)
        // Another loop that changes the same word in between has got on: there is no waiting for anybody.
        while true {
            let known = group.first { site($0).tag == tag && !site($0).isForgotten(now: now) }
            let place = known ?? quietest(group)
            let word = sites[place].load(ordering: .relaxed)
            let before = FailedSite(word: word)
            let isKnown = before.tag == tag && !before.isForgotten(now: now)
            guard let after = isKnown ? before.failed(now: now) : FailedSite(tag: tag, now: now) else { return }
            guard sites[place].compareExchange(expected: word, desired: after.word, ordering: .relaxed).exchanged else { continue }
            if after.isLocked(now: now) { locks.add(1, ordering: .relaxed) }
            return
        }
    }

    private func site(_ place: Int) -> FailedSite {
        FailedSite(word: sites[place].load(ordering: .relaxed))
    }

    private func quietest(_ group: Range<Int>) -> Int {
        group.min { site($0).until < site($1).until } ?? group.lowerBound
    }

    /// Swift's hashes differ in each process, so nobody can choose addresses that push a certain one out.
    private func place(of address: NetworkAddress) -> (group: Range<Int>, tag: UInt64) {
        let hash = UInt64(bitPattern: Int64(address.site.hashValue))
        let first = Int(hash % UInt64(Self.places / Self.ways)) * Self.ways
        return (first..<first + Self.ways, hash >> UInt64(64 - FailedSite.tagBits))
    }
}
