import Glibc

/// The bound on the files and sockets that this process may have open.
package enum OpenFiles {
    /// More than any of our programs needs; bounds without end would only slow down children that close all they inherit.
    private static let most: rlim_t = 1 << 20
    /// Kept for links, runtimes, segments, logs and operations.
    private static let spare = 1024

    /// Raises the bound as far as this user may.
    ///
    /// - Returns: The bound that holds now.
    @discardableResult
    package static func raiseLimit() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let present = limit.rlim_cur
        limit.rlim_cur = max(present, min(limit.rlim_max, most))
        guard limit.rlim_cur > present, setrlimit(resource, &limit) == 0 else { return Int(clamping: present) }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many of `wanted` connections fit under a bound.
    ///
    /// - Parameter others: Descriptors that may be needed beside them, but no more than one for each of them.
    package static func fitting(_ wanted: Int, others: Int, limit: Int) -> Int {
        let room = limit - min(spare, limit / 2)
        return min(wanted, max(1, room / 2, room - others))
    }
}
