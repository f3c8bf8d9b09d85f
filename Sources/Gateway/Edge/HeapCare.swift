/// Whether free memory is worth a search of the heaps, which costs milliseconds and stops who allocates meanwhile. What was given back still
/// counts as free, so only what has become free since then matters.
package struct HeapCare {
    private static let leastBytes = 2 << 20
    private var known = 0

    package init() {}

    package mutating func isDue(free: Int) -> Bool {
        // Used again since: it is backed once more.
        known = min(known, free)
        return free - known >= HeapCare.leastBytes
    }

    package mutating func trimmed(free: Int) {
        known = free
    }
}
