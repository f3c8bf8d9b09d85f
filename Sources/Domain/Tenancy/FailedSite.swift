/// What is known of one site (an IPv4 address, a /64 of IPv6) from which keys came that do not exist; one word, so that event loops can change it
/// together without a lock.
package struct FailedSite: Equatable, Sendable {
    /// Failures that are still a mistake.
    package static let tolerated = 20
    /// Seconds after the last failure or lock after which a site is forgotten.
    package static let memory: Int64 = 900
    /// Seconds that a site is locked for at most.
    package static let longestLock: Int64 = 900
    /// Of a tag.
    package static let tagBits = 26

    /// Part of a hash of the site.
    package let tag: UInt64
    /// Up to 63.
    package private(set) var failures: Int
    /// Seconds of a clock that goes on: the end of its lock, or its last failure.
    package private(set) var until: Int64

    /// A first failure.
    package init(tag: UInt64, now: Int64) {
        self.tag = tag
        failures = 1
        until = now
    }

    package init(word: UInt64) {
        tag = word >> 38
        failures = Int(word >> 32 & 63)
        until = Int64(word & 0xFFFF_FFFF)
    }

    /// Zero is nobody's.
    package var word: UInt64 {
        tag << 38 | UInt64(failures) << 32 | UInt64(truncatingIfNeeded: until) & 0xFFFF_FFFF
    }

    package func isLocked(now: Int64) -> Bool {
        failures > Self.tolerated && until > now
    }

    package func isForgotten(now: Int64) -> Bool {
        failures == 0 || now - until > Self.memory
    }

    /// After one more failure: each beyond those that are tolerated locks for twice as long. Nil while it is locked: what comes then makes nothing
    /// worse, else a loop that is left running would lock for ever.
    package func failed(now: Int64) -> FailedSite? {
        guard !isLocked(now: now) else { return nil }
        var site = self
        site.failures = min(failures + 1, 63)
        let beyond = site.failures - Self.tolerated
        site.until = beyond > 0 ? now + min(Self.longestLock, 1 << Int64(min(beyond - 1, 20))) : now
        return site
    }
}
