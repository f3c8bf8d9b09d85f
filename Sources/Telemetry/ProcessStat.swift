/// What `/proc/<pid>/stat` says about a process, zombies included.
package struct ProcessStat: Equatable {
    package let state: Character
    package let group: Int32
    package let session: Int32
    /// Field 20.
    package let threads: Int
    /// Field 22: clock ticks from boot to its start.
    package let startTicks: UInt64

    /// The state is the first thread's, which stays as a zombie when it ends before the others.
    package var isAlive: Bool { state != "X" && (state != "Z" || threads > 1) }

    /// Nil when there is no such process.
    package init?(pid: Int32) {
        guard let text = KernelText.read("/proc/\(pid)/stat") else { return nil }
        self.init(text)
    }

    /// The name in field 2 may hold anything, so counting begins after its last parenthesis.
    init?(_ text: String) {
        guard let close = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 19, let state = fields[0].first, let group = Int32(fields[2]), let session = Int32(fields[3]) else { return nil }
        guard let threads = Int(fields[17]), let startTicks = UInt64(fields[19]) else { return nil }
        self.state = state
        self.group = group
        self.session = session
        self.threads = threads
        self.startTicks = startTicks
    }
}
