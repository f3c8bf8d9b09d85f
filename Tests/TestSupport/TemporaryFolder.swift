import FoundationEssentials

/// A folder of a test's own, which is gone when nobody has it any more.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/plimsoll-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Path of a new file in it, which is not made.
    package func file() -> String { path + "/" + UUID().uuidString }
}
