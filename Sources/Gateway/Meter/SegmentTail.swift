import CPlatform
import Glibc

/// The records of the last milliseconds, in a file that is mapped into memory: what is copied there outlives this process, as what is written to a
/// segment does, without a system call while a request waits. One for each stream; a power cut takes what it holds.
///
/// The file: number and length of the segment behind which its records belong, records as in segments, a zero. A start after a kill writes them
/// to where they belong (`TailRecovery`).
final class SegmentTail {
    struct Place: Equatable {
        var number: Int
        var length: Int
    }

    struct Contents: Equatable {
        var place: Place
        /// Whole records only.
        var bytes: [UInt8]
    }

    private static let suffix = ".tail"
    private static let headSize = 16
    /// What lies behind is touched only while the disk does not answer, and is no part of this process afterwards. Whole pages.
    private static let usualBytes = 512 << 10

    private let path: String
    private let memory: UnsafeMutableRawBufferPointer
    private var used = SegmentTail.headSize

    /// Nil where the disk has no room or the file system maps no files: nothing rests on it.
    static func make(_ path: String, bytes: Int) -> SegmentTail? {
        SegmentTail(creating: path, bytes: bytes) ?? SegmentTail(creating: path, bytes: min(bytes, usualBytes))
    }

    private init?(creating path: String, bytes: Int) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Room is taken beforehand: memory behind which there is none cannot be written.
        guard posix_fallocate(descriptor, 0, off_t(bytes)) == 0,
            let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED
        else {
            unlink(path)
            return nil
        }
        cplatform_watch_mapped_memory()
        self.path = path
        memory = UnsafeMutableRawBufferPointer(start: start, count: bytes)
    }

    deinit { munmap(memory.baseAddress, memory.count) }

    /// Forgets what it holds. False when the disk fails it.
    func begin(behind place: Place) -> Bool {
        if used > Self.usualBytes { madvise(memory.baseAddress.map { $0 + Self.usualBytes }, memory.count - Self.usualBytes, MADV_DONTNEED) }
        used = Self.headSize
        var head = (UInt64(place.number).littleEndian, UInt64(place.length).littleEndian)
        return withUnsafeBytes(of: &head) { publish($0, at: 0) }
    }

    /// False when there is no room, or the disk fails it: then it holds nothing of these.
    func append(_ records: UnsafeRawBufferPointer) -> Bool {
        guard used + records.count < memory.count, publish(records, at: used) else { return false }
        used += records.count
        return true
    }

    private func publish(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        cplatform_publish(memory.baseAddress.map { $0 + offset }, bytes.baseAddress, bytes.count) == 0
    }

    /// Its records stand in segments.
    func remove() {
        unlink(path)
    }

    // MARK: - After a kill

    static func path(_ directory: String, boot: String, stream: Int) -> String { "\(directory)/\(boot)-\(stream)\(suffix)" }

    /// Those in a folder: boot, stream and path.
    static func list(_ directory: String) throws(MeterError) -> [(boot: String, stream: Int, path: String)] {
        try FolderListing.names(directory).compactMap { name in
            guard name.hasSuffix(suffix), let stream = Int(name.dropFirst(37).dropLast(suffix.count)) else { return nil }
            return (String(name.prefix(36)), stream, "\(directory)/\(name)")
        }
    }

    /// Nil when it holds nothing.
    static func read(_ path: String) throws(MeterError) -> Contents? { contents(try FilePiece.read(path)) }

    static func contents(_ bytes: [UInt8]) -> Contents? {
        guard bytes.count > headSize else { return nil }
        return bytes.withUnsafeBytes { memory in
            func field(_ offset: Int) -> Int? { Int(exactly: UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: UInt64.self))) }
            guard let number = field(0), let length = field(8) else { return nil }
            var (scan, end) = (SpoolScan(memory, from: headSize), headSize)
            while end < memory.count, memory[end] != 0, case .record(let payload) = scan.next() { end = payload.upperBound }
            guard end > headSize else { return nil }
            return Contents(place: Place(number: number, length: length), bytes: Array(memory[headSize..<end]))
        }
    }
}

/// Writes what a killed process left in its tails to the segments in which it belongs. Can be killed at any moment and run again.
enum TailRecovery {
    /// - Parameter closed: Boots whose segments have all.
    static func run(_ directory: String, closed: Set<String>) throws(MeterError) {
        for tail in try SegmentTail.list(directory) {
            if !closed.contains(tail.boot), let contents = try SegmentTail.read(tail.path) {
                let name = SpoolName(boot: tail.boot, stream: tail.stream, number: contents.place.number)
                try bring(contents, to: "\(directory)/\(name.file)")
            }
            unlink(tail.path)
        }
    }

    /// The process may have been killed before, while and after it wrote the same itself.
    private static func bring(_ contents: SegmentTail.Contents, to path: String) throws(MeterError) {
        // A segment that was told and removed had them; its tail is of before a power cut.
        guard access(path, F_OK) == 0 else { return }
        let there = try FilePiece.read(path, from: contents.place.length)
        guard !there.starts(with: contents.bytes) else { return }
        // What stands there and is not of this tail came before a power cut. Records may stand there twice.
        let left = contents.bytes.starts(with: there) ? contents.bytes.dropFirst(there.count) : contents.bytes[...]
        let file = try SegmentFile(continuing: path)
        let error = left.withUnsafeBytes { file.append($0) }
        guard error == 0, file.sync() else { throw SystemFault.error("cannot write \(path)", number: error == 0 ? errno : error) }
    }
}
