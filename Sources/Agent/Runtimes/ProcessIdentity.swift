import FoundationEssentials
import Glibc
import Telemetry

/// A process that is certainly the one we mean: ids are reused, start times of one id are not. A runtime's leads a session and a group of its own.
struct ProcessIdentity: Sendable, Equatable {
    let pid: Int32
    /// Clock ticks from boot to its start, as the kernel counts them.
    let startTicks: UInt64

    /// The living process with this id; nil when there is none or when it only waits to be reaped.
    init?(living pid: Int32) {
        guard pid > 1, let stat = ProcessStat(pid: pid), stat.isAlive else { return nil }
        self.pid = pid
        startTicks = stat.startTicks
    }

    init(pid: Int32, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    /// As the journal holds it.
    var text: String { "\(pid).\(startTicks)" }

    /// Does not reap: as long as a zombie holds its id, the id of its group belongs to nobody else.
    var isAlive: Bool { ProcessIdentity(living: pid) == self }

    /// Whether anybody of its group lives: itself, or what it started and left behind.
    var groupIsAlive: Bool {
        if isAlive { return true }
        // Ids are not given again while a group bears them, so an id in other hands means that the group has ended.
        if let present = ProcessStat(pid: pid), present.startTicks != startTicks { return false }
        guard kill(-pid, 0) == 0 || errno == EPERM else { return false }
        // That may be the leader's own entry in the table.
        return Self.everybody.contains { ProcessStat(pid: $0).map { $0.isAlive && $0.group == pid && $0.session == pid } ?? false }
    }

    /// Takes the ended leader out of the table. Its id and its group's may belong to others from here on. Nothing for others' children.
    func reap() {
        var status: Int32 = 0
        _ = waitpid(pid, &status, WNOHANG)
    }

    private static var everybody: [Int32] {
        // A host that hides its processes cannot tell of those that were left behind.
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }
}
