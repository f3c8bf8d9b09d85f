import Glibc
import TestSupport
import Testing

@Suite("Programs that tests start")
struct ChildProcessTests {
    /// A child that has a test's socket keeps it open: the peer never sees its end.
    @Test("have nothing of the test's that is open but their own three files")
    func inheritsNothing() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let child = try ChildProcess("/bin/sh", ["-c", "for file in /proc/$$/fd/*; do echo ${file##*/} $(readlink $file); done"])
        #expect(try await child.ended(within: .seconds(20)) == 0)
        #expect(descriptor > 2 && child.lines.count >= 3 && !child.lines.contains { $0.contains("socket:") }, "\(child.lines)")
    }
}
