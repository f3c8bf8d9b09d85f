/// Which releases come back when the one is rolled back that took all of a model's requests.
package enum FormerShares {
    /// Seconds in which a person or a pipeline moves requests from all the releases of a model to the next: their weights are set one by one.
    package static let moveSeconds: Int64 = 600

    /// Those that served until the last move away from any of them. What lost its share earlier was replaced by one of these, or failed as a canary.
    ///
    /// - Parameter lostAt: Seconds since 1970 at which each lost its share; who never had one is not among them.
    package static func last<Release>(_ lostAt: [Release: Int64]) -> Set<Release> {
        guard let last = lostAt.values.max() else { return [] }
        return Set(lostAt.filter { $0.value > last - moveSeconds }.keys)
    }
}
