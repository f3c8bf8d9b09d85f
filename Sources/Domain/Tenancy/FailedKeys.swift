/// Who tried keys that do not exist, and how long no more of that is looked at.
///
/// Kept by site (an IPv4 address, a /64 of IPv6), because whoever has one address of a /64 has them all. It can lock nobody out: it is asked only
/// about keys that were refused already, so that a valid key passes from everywhere. Its memory is fixed: of four sites that share a place, the
/// one that was quiet for longest makes way.
package struct FailedKeys: Sendable {
    /// Failures that are still a mistake.
    package static let tolerated = 20
    /// Seconds without a failure after which a site is forgotten.
    package static let memory: Int64 = 900
    /// Seconds that a site is locked for at most.
    package static let longestLock: Int64 = 900
    private static let ways = 4

    private struct Site {
        var address = NetworkAddress(version6: 0)
        var failures: UInt32 = 0
        /// Seconds.
        var last: Int64 = .min / 2
        var lockedUntil: Int64 = .min / 2
    }

    private var sites: [Site]
    private let groups: Int
    /// Times that a site was locked.
    package private(set) var locks = 0

    /// - Parameter capacity: Sites that are remembered; the memory is taken with the first failure.
    package init(capacity: Int = 4096) {
        groups = max(1, capacity / Self.ways)
        sites = []
    }

    /// Whether the site is locked.
    package func isLocked(_ address: NetworkAddress, now: Int64) -> Bool {
        guard let place = place(of: address.site) else { return false }
        return sites[place].lockedUntil > now
    }

    /// A key failed that cannot exist or that nobody has. Each failure beyond those that are tolerated locks for twice as long.
    ///
    /// - Parameter now: Seconds of a clock that goes on.
    package mutating func failed(_ address: NetworkAddress, now: Int64) {
        if sites.isEmpty { sites = Array(repeating: Site(), count: groups * Self.ways) }
        let site = address.site
        let place = place(of: site) ?? oldest(site)
        if sites[place].address != site || now - sites[place].last > Self.memory { sites[place] = Site(address: site) }
        sites[place].last = now
        // What comes while it is locked makes nothing worse, else a loop that is left running would lock for ever.
        guard sites[place].lockedUntil <= now else { return }
        sites[place].failures += 1
        let beyond = Int(sites[place].failures) - Self.tolerated
        guard beyond > 0 else { return }
        sites[place].lockedUntil = now + min(Self.longestLock, 1 << Int64(min(beyond - 1, 20)))
        locks += 1
    }

    private func place(of site: NetworkAddress) -> Int? {
        guard !sites.isEmpty else { return nil }
        return group(site).first { sites[$0].address == site && sites[$0].failures > 0 }
    }

    private func oldest(_ site: NetworkAddress) -> Int {
        let group = group(site)
        return group.min { sites[$0].last < sites[$1].last } ?? group.lowerBound
    }

    /// Swift's hashes differ in each process, so nobody can choose addresses that push a certain one out.
    private func group(_ site: NetworkAddress) -> Range<Int> {
        let number = Int(UInt(bitPattern: site.hashValue) % UInt(groups)) * Self.ways
        return number..<number + Self.ways
    }
}
