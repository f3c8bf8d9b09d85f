import Foundation
import Program
import Testing

@Suite struct MemoryGroupTests {
    /// - Parameter files: Contents by path below the mount.
    private func limit(_ groups: String, _ files: [String: String]) throws -> Int? {
        let root = FileManager.default.temporaryDirectory.path + "/groups-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let file = URL(fileURLWithPath: root + "/" + path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return MemoryGroup.limit(groups: groups, root: root)
    }

    @Test(
        arguments: [
            ("0::/a/b\n", ["a/b/memory.max": "1073741824\n"], 1 << 30), ("0::/a/b\n", ["a/b/memory.max": "max\n", "a/memory.max": "4096\n"], 4096),
            ("0::/a/b\n", ["a/b/memory.max": "4096\n", "a/memory.max": "8192\n"], 4096), ("0::/\n", ["memory.max": "max\n"], nil),
            ("0::/gone\n", ["memory.max": "4096\n"], 4096), ("5:cpu,memory:/c\n0::/\n", ["memory/c/memory.limit_in_bytes": "8192\n"], 8192),
            ("4:memory:/c\n", ["memory/c/memory.limit_in_bytes": "9223372036854771712\n"], nil), ("4:cpuset:/c\n", [:], nil), ("", [:], nil),
        ] as [(String, [String: String], Int?)])
    func theLeastLimitAroundTheProcessCounts(groups: String, files: [String: String], expected: Int?) throws {
        #expect(try limit(groups, files) == expected)
    }
}
