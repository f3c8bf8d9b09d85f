import Glibc

/// Files that hold secrets: mode 0600, replaced in one step, on disk before the call returns.
package enum SecretFile {
    package static func write(_ bytes: [UInt8], to path: String) throws(CryptographyError) {
        let temporary = path + ".new-" + Hex.encode(SecureRandom.bytes(6))
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot create \(temporary)") }
        do throws(CryptographyError) {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path: temporary)
            guard fsync(descriptor) == 0 else { throw failure("cannot sync \(temporary)") }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("cannot replace \(path)")
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    /// At most `limit` bytes; longer files are refused.
    package static func read(_ path: String, limit: Int = 1 << 20) throws(CryptographyError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read \(path)") }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: piece.prefix(count))
            guard bytes.count <= limit else { throw CryptographyError(.file, "\(path) is larger than \(limit) bytes") }
        }
    }

    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(CryptographyError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write \(path)") }
            rest = rest.dropFirst(count)
        }
    }

    /// A rename is lost in a power cut until its folder is on disk.
    private static func syncFolder(of path: String) throws(CryptographyError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("cannot sync \(folder)") }
    }

    private static func failure(_ message: String) -> CryptographyError {
        CryptographyError(.file, message, cause: String(cString: strerror(errno)))
    }
}
