import Glibc

/// One open segment file: appended to, cut back when a write was not whole. Owned by one event loop; synced by another thread.
final class SegmentFile: Sendable {
    let descriptor: Int32
    let path: String

    /// Creates the file, which must not exist.
    init(creating path: String) throws(MeterError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        self.path = path
        guard descriptor >= 0 else { throw SystemFault.error("cannot create \(path)") }
    }

    /// Goes on with a file that is there.
    init(continuing path: String) throws(MeterError) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else { throw SystemFault.error("cannot open \(path)") }
    }

    deinit { close(descriptor) }

    /// 0 when everything was written, else the error number; what a failed write left behind may still be in the file.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return 0
    }

    /// Takes back what a failed write left. False when the file cannot be cut.
    func cut(to length: Int) -> Bool {
        ftruncate(descriptor, off_t(length)) == 0
    }

    /// Whether everything written so far is on the disk. After one failure nothing more may be believed of this file.
    func sync() -> Bool {
        fdatasync(descriptor) == 0
    }
}

enum SystemFault {
    static func error(_ message: String, code: MeterError.Code = .file, number: Int32 = errno) -> MeterError {
        MeterError(code, "\(message): \(String(cString: strerror(number)))")
    }

    /// Makes the names in a folder survive a power cut.
    static func syncFolder(_ path: String) throws(MeterError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw error("cannot open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("cannot sync \(path)") }
    }
}

/// Space kept back on the disk, so that requests which were admitted before it filled up can still record their end.
struct DiskReserve {
    private let path: String
    private let bytes: Int

    init(path: String, bytes: Int) {
        self.path = path
        self.bytes = bytes
    }

    /// False when the disk has no room for it.
    func take() -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return posix_fallocate(descriptor, 0, off_t(bytes)) == 0
    }

    func release() {
        unlink(path)
    }
}
