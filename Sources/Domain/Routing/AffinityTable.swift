/// Which workers hold the beginning of which prompts in their caches. Bounded, forgets what nobody asked for in ten minutes, and needs no
/// lock: each event loop has its own.
///
/// Keys are hashes that are salted by tenant, so that no entry serves two tenants.
package struct AffinityTable: Sendable {
    /// Workers that one prefix can be at.
    package static let mostOwners = 4
    /// Seconds without a request.
    package static let expiry: UInt32 = 600
    private static let ways = 4
    private static let leastSets = 64

    package struct Entry: Sendable {
        /// 0: nothing stands here.
        fileprivate var key: UInt64 = 0
        /// Seconds of a monotonic clock.
        fileprivate var usedAt: UInt32 = 0
        /// Tokens of the prefix.
        package fileprivate(set) var tokens: UInt32 = 0
        /// Newest first; 0: none.
        fileprivate var first: UInt32 = 0
        fileprivate var second: UInt32 = 0
        fileprivate var third: UInt32 = 0
        fileprivate var fourth: UInt32 = 0

        /// Numbers of the workers, newest first, 0 where there are fewer.
        package var owners: (UInt32, UInt32, UInt32, UInt32) { (first, second, third, fourth) }
    }

    private var entries: [Entry]
    private var sets: Int
    private let mostSets: Int
    /// Entries that had to make way although nobody had forgotten them, since the table last grew.
    private var displaced = 0

    /// - Parameter capacity: Prefixes that are remembered at most, 32 bytes each.
    package init(capacity: Int = 65_536) {
        mostSets = max(Self.leastSets, capacity / Self.ways)
        sets = min(Self.leastSets, mostSets)
        entries = Array(repeating: Entry(), count: sets * Self.ways)
    }

    /// How many prefixes there is room for now.
    package var room: Int { entries.count }

    /// - Parameters:
    ///   - key: Never 0.
    ///   - now: Seconds of a monotonic clock.
    package func entry(_ key: UInt64, now: UInt32) -> Entry? {
        let start = start(of: key)
        for at in start..<start + Self.ways where entries[at].key == key {
            return age(entries[at], now) <= Self.expiry ? entries[at] : nil
        }
        return nil
    }

    /// A worker was sent this prefix: from now on it is the newest owner.
    package mutating func note(_ key: UInt64, owner: UInt32, tokens: Int, now: UInt32) {
        let at = place(for: key, now: now)
        var entry = entries[at]
        if entry.key != key || age(entry, now) > Self.expiry { entry = Entry(key: key) }
        entry.usedAt = max(entry.usedAt, now)
        entry.tokens = UInt32(clamping: tokens)
        if entry.first != owner {
            if entry.second != owner {
                if entry.third != owner { entry.fourth = entry.third }
                entry.third = entry.second
            }
            entry.second = entry.first
            entry.first = owner
        }
        entries[at] = entry
        if displaced > entries.count / 4, sets < mostSets { grow(now: now) }
    }

    private func start(of key: UInt64) -> Int {
        // Keys are hashes, but a hash table of the runtime's kind must not be fed by whoever made them: spread once more.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) % sets * Self.ways
    }

    /// Where the key stands, or an entry that nobody wants, or the one that nobody wanted longest.
    private mutating func place(for key: UInt64, now: UInt32) -> Int {
        let start = start(of: key)
        var oldest = start
        for at in start..<start + Self.ways {
            if entries[at].key == key { return at }
            if age(entries[at], now) > age(entries[oldest], now) { oldest = at }
        }
        if age(entries[oldest], now) <= Self.expiry { displaced += 1 }
        return oldest
    }

    /// Who asks may have read the clock before the entry was used last.
    private func age(_ entry: Entry, _ now: UInt32) -> UInt32 {
        entry.key == 0 ? .max : now - min(entry.usedAt, now)
    }

    private mutating func grow(now: UInt32) {
        let old = entries
        displaced = 0
        sets = min(sets * 2, mostSets)
        entries = Array(repeating: Entry(), count: sets * Self.ways)
        for entry in old where age(entry, now) <= Self.expiry { entries[place(for: entry.key, now: now)] = entry }
        displaced = 0
    }
}
