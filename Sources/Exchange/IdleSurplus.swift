/// How many idle connections of a pool nobody has needed since the last look. They hold memory in the middle of what a burst left behind.
struct IdleSurplus {
    /// So many may stay idle for their whole time.
    private static let kept = 32
    private var least = 0

    /// One was taken, and so many are left.
    mutating func taken(left: Int) {
        least = min(least, left)
    }

    /// - Parameter idle: Connections that are idle now.
    mutating func look(idle: Int) -> Int {
        let surplus = max(0, min(least, idle) - IdleSurplus.kept)
        least = idle - surplus
        return surplus
    }
}
