import Glibc

/// Name of a segment file: `<boot>-<stream>-<number>.seg`. The boot is a UUID; a stream is what one event loop wrote, or recovery.
struct SpoolName: Sendable, Hashable, Comparable {
    /// Stream of the records with which recovery closes what a boot left open.
    static let recoveryStream = 9999

    var boot: String
    var stream: Int
    var number: Int

    init(boot: String, stream: Int, number: Int) {
        self.boot = boot
        self.stream = stream
        self.number = number
    }

    init?(_ file: some StringProtocol) {
        guard file.hasSuffix(".seg"), file.utf8.count > 41 else { return nil }
        let boot = file.prefix(36)
        let rest = file.dropFirst(37).dropLast(4).split(separator: "-")
        guard rest.count == 2, let stream = Int(rest[0]), let number = Int(rest[1]) else { return nil }
        self.init(boot: String(boot), stream: stream, number: number)
    }

    var file: String {
        let digits = String(number)
        return "\(boot)-\(stream)-\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).seg"
    }

    var streamName: String { "\(boot)-\(stream)" }

    static func < (left: SpoolName, right: SpoolName) -> Bool {
        (left.boot, left.stream, left.number) < (right.boot, right.stream, right.number)
    }

    /// All segments in a folder, in order.
    static func list(_ directory: String) throws(MeterError) -> [SpoolName] {
        try FolderListing.names(directory).compactMap { SpoolName($0) }.sorted()
    }
}

enum FolderListing {
    static func names(_ directory: String) throws(MeterError) -> [String] {
        guard let folder = opendir(directory) else { throw SystemFault.error("cannot read \(directory)") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// Whole files and pieces of them.
enum FilePiece {
    /// Up to `limit` bytes from an offset; fewer at the end.
    static func read(_ path: String, from offset: Int = 0, limit: Int = .max) throws(MeterError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemFault.error("cannot open \(path)") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemFault.error("cannot look at \(path)") }
        let wanted = min(max(0, Int(status.st_size) - offset), limit)
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            while filled < wanted {
                let got = pread(descriptor, memory.baseAddress.map { $0 + filled }, wanted - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                filled += got
            }
            count = filled
        }
        return bytes
    }
}
