import FoundationEssentials
import Glibc

/// A process that is certainly the one we mean: ids are reused, start times of one id are not.
struct ProcessIdentity: Sendable, Equatable {
    let pid: Int32
    /// Clock ticks from boot to its start, as the kernel counts them.
    let startTicks: UInt64

    /// The living process with this id; nil when there is none or when it only waits to be reaped.
    init?(living pid: Int32) {
        guard pid > 1, let data = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/stat")) else { return nil }
        guard let ticks = Self.startTicks(stat: String(decoding: data, as: UTF8.self)) else { return nil }
        self.pid = pid
        startTicks = ticks
    }

    init(pid: Int32, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    var isAlive: Bool {
        // A child of ours stays in the table until somebody asks for its status; for others' children this does nothing.
        var status: Int32 = 0
        _ = waitpid(pid, &status, WNOHANG)
        return ProcessIdentity(living: pid) == self
    }

    /// Field 22 of `/proc/<pid>/stat`; nil for zombies. The name in field 2 may hold anything, so counting begins after its last parenthesis.
    static func startTicks(stat: String) -> UInt64? {
        guard let close = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: close)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 19, let state = fields.first, state != "Z", state != "X" else { return nil }
        return UInt64(fields[19])
    }
}
