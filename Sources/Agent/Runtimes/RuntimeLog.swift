import CPlatform
import Domain
import Glibc

/// Where a runtime's own output goes. The runtime holds the file open, so a full file is copied aside and emptied in place.
struct RuntimeLog: Sendable {
    let path: String
    /// Size in bytes above which the file is rotated; one older file is kept.
    var limit: Int64 = 16 << 20

    /// A descriptor that appends; the caller closes it.
    func open() throws(AgentError) -> Int32 {
        let descriptor = cplatform_open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw AgentError(.state, "the runtime's log \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// The last whole lines, at most `lines` and `most` scalars of them together, out of the last `bytes`. They are told whole, because a prompt may
    /// stand behind much else.
    func tail(lines: Int = 20, most: Int = 16_000, bytes: Int = 65_536, redact: (String) -> String) -> [String] {
        let file = cplatform_open(path, O_RDONLY | O_NOFOLLOW, 0)
        guard file >= 0 else { return [] }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        let begin = max(0, end - off_t(bytes))
        var buffer = [UInt8](repeating: 0, count: Int(max(0, end - begin)))
        let count = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, begin) }
        guard count > 0 else { return [] }
        let pieces = buffer.prefix(count).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What stands before the first line break was cut.
        let whole = pieces.dropFirst(begin > 0 ? 1 : 0).filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
        var (told, left): ([String], Int) = ([], most)
        for line in PrivateKeyLines.covered(whole).suffix(lines).reversed() where left > 0 {
            let text = redact(line).unicodeScalars.filter { $0.value >= 0x20 }.prefix(left)
            left -= text.count
            told.append(String(String.UnicodeScalarView(text)))
        }
        return told.reversed()
    }

    /// Bytes for which the end of a private key is waited for.
    private static let longestKey = 32_768

    /// Covers what must not stay in the file, line by line and in place: the runtime holds it open, and only ever adds to its end.
    ///
    /// - Parameters:
    ///   - start: Where the last call stopped; more than the file has: it was emptied, and all of it is new.
    ///   - most: Bytes that are looked through; a line that is longer counts as one that ends there.
    ///   - redact: The line without what must not be kept. What it makes longer is cut, so that the file keeps its length.
    /// - Returns: Where the next call begins: behind the last whole line, or at the first one of a private key that goes on.
    func cover(from start: Int64, most: Int = 1 << 20, redact: (String) -> String) -> Int64 {
        let file = cplatform_open(path, O_RDWR | O_NOFOLLOW, 0)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        let end = Int64(lseek(file, 0, SEEK_END))
        let begin = start <= end ? start : 0
        var bytes = [UInt8](repeating: 0, count: Int(min(end - begin, Int64(most))))
        let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, off_t(begin)) }
        guard count > 0 else { return begin }
        let whole = bytes[..<count].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? (count == most ? count : 0)
        var (at, key, keyAt) = (0, PrivateKeyLines(), 0)
        while at < whole {
            let lineEnd = bytes[at..<whole].firstIndex(of: UInt8(ascii: "\n")) ?? whole
            let text = String(decoding: bytes[at..<lineEnd], as: UTF8.self)
            if !key.isOpen { keyAt = at }
            let covered = key.take(text) ? PrivateKeyLines.cover : redact(text)
            if covered != text {
                let line = Self.fitted(covered, to: lineEnd - at)
                // Written short or not at all, it is found again at the next call.
                guard pwrite(file, line, line.count, off_t(begin) + off_t(at)) == line.count else { return begin + Int64(at) }
            }
            at = lineEnd + 1
        }
        return begin + Int64(key.isOpen && whole - keyAt < Self.longestKey ? keyAt : whole)
    }

    /// The text in exactly so many bytes: cut between two scalars, or filled with spaces.
    private static func fitted(_ text: String, to count: Int) -> [UInt8] {
        var bytes = Array(text.utf8.prefix(count))
        if text.utf8.count > count {
            while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
            if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
        }
        return bytes + [UInt8](repeating: UInt8(ascii: " "), count: count - bytes.count)
    }

    /// Returns false when the file was too large and could not be rotated.
    func rotateIfLarge() -> Bool {
        var facts = stat()
        guard stat(path, &facts) == 0, Int64(facts.st_size) > limit else { return true }
        let source = cplatform_open(path, O_RDWR | O_NOFOLLOW, 0)
        let target = cplatform_open(path + ".1", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
        defer {
            if source >= 0 { close(source) }
            if target >= 0 { close(target) }
        }
        guard source >= 0, target >= 0 else { return false }
        while true {
            let count = sendfile(target, source, nil, 1 << 20)
            if count == 0 { break }
            if count < 0 { return false }
        }
        return ftruncate(source, 0) == 0
    }
}
