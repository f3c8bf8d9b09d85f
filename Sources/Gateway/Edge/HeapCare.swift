/// Whether free memory is worth a search of the heaps, which costs milliseconds and stops who allocates meanwhile. What was given back still
/// counts as free, so only what has become free since then matters. Behind a search that was due there is one more.
package struct HeapCare {
    private static let leastBytes = 2 << 20
    private var known = 0
    /// The burst may not have ended at the last look: what it frees afterwards may be little, and hold whole pages.
    private var isSettling = false

    package init() {}

    package mutating func isDue(free: Int) -> Bool {
        // Used again since: it is backed once more.
        known = min(known, free)
        let isMuch = free - known >= HeapCare.leastBytes
        defer { isSettling = isMuch }
        return isMuch || isSettling
    }

    package mutating func trimmed(free: Int) {
        known = free
    }
}
