import FoundationEssentials
import Glibc

/// Files that only their owner may read, replaced as a whole.
enum PrivateFile {
    static func write(_ text: String, to path: String) throws(CommandFailure) {
        let fresh = "\(path).new"
        unlink(fresh)
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure(.refused, "\(fresh) cannot be written: \(String(cString: strerror(errno)))") }
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        close(descriptor)
        guard written == bytes.count, rename(fresh, path) == 0 else { throw CommandFailure(.refused, "\(path) cannot be written") }
    }

    /// Nil when it is not there.
    static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
