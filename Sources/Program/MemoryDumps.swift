import CPlatform
import Glibc

/// Keeps what is in memory, keys and prompts among it, out of files and logs.
enum MemoryDumps {
    private static let crashes = [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

    /// From now on there is no core file, of this process or of those that it starts, and nobody of the same user may read this one's memory.
    static func forbid() {
        // Swift's own report of a crash tells bytes of memory beside the registers; where it may not read them, the process never ends.
        for number in crashes { signal(number, SIG_DFL) }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0, cplatform_forbid_dumps() == 0 else {
            preconditionFailure("a process may always lower its own bound on core files")
        }
    }
}
