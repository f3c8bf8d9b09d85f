import FoundationEssentials
import Glibc

/// Log files of an installation.
enum DevLog {
    private static let limit = 16 << 20

    /// The last lines, for a person who must find out why something failed.
    static func tail(_ path: String, lines: Int = 15) -> String {
        guard let text = PrivateFile.read(path) else { return "(no log at \(path))" }
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// Keeps one older file of a log that has grown long. The writers hold it open for appending, so it is copied and emptied in place.
    static func rotate(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > limit, let data = FileManager.default.contents(atPath: path) else { return }
        do {
            try data.write(to: URL(filePath: "\(path).1"))
            truncate(path, 0)
        } catch {
            // A full disk: emptying the log is what helps now.
            truncate(path, 0)
        }
    }
}
