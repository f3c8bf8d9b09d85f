import Glibc

enum OpenFiles {
    /// Raises the bound on open files as far as the system allows: each connection is one.
    static func raiseLimit() throws(SystemFault) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        try SystemFault.check(getrlimit(resource, &limit), "getrlimit")
        limit.rlim_cur = limit.rlim_max
        try SystemFault.check(setrlimit(resource, &limit), "setrlimit")
    }
}
