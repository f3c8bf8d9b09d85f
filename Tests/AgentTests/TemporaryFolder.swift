import FoundationEssentials
import Glibc

/// A folder of a test's own under a short path, because socket paths are short; removed at the end.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/pa-" + String(UUID().uuidString.lowercased().prefix(12))
        guard mkdir(path, 0o700) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    deinit {
        // A folder that stays behind in /tmp fails no test.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file into the folder and returns its path.
    func file(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }
}

/// Waits until a condition holds, at most `limit`. Returns whether it held.
func eventually(within limit: Duration = .seconds(20), _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await condition() { return true }
        await Task.yield()
        // The condition is looked at often; the limit only bounds a failure.
        try? await Task.sleep(for: .milliseconds(10))
    }
    return await condition()
}
