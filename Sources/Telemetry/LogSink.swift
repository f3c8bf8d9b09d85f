import Glibc
import Synchronization

/// Where finished log lines go.
///
/// A line is written directly by the thread that logs, so that nothing is lost when the process is killed, and only when the descriptor takes it
/// at once: a reader that stopped reading costs lines, never time. A line is at most `PIPE_BUF` bytes, which a pipe that is ready takes whole.
final class LogSink: Sendable {
    static let standardError = LogSink(descriptor: STDERR_FILENO)
    static let lineLimit = 4096

    private let descriptor: Int32
    private let droppedCount = Atomic<Int>(0)

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Lines that were not written.
    var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// `line` ends in a line feed and has at most `lineLimit` bytes.
    func write(_ line: [UInt8]) {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLOUT) != 0 else {
            droppedCount.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let written = line.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written != line.count { droppedCount.wrappingAdd(1, ordering: .relaxed) }
    }
}
