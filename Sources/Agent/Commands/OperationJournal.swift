import Cryptography
import Glibc
import PlimsollWire

/// The file that makes the effect of an operation happen once: every operation and every change of its state is on disk before it counts.
///
/// One JSON text a line behind the first 8 digits of its hash, so that a line that was cut or damaged ends the journal there.
final class OperationJournal {
    struct Entry: Codable, Equatable, Sendable {
        var id: String
        var kind: OperationKind
        var state: OperationState
        var message: String?
        /// Of a restart.
        var runtime: String?
        /// Of a restart that was carried out: the process that had to go, empty where none was there. Another one is its effect.
        var process: String?
    }

    /// Operations that are remembered.
    static let capacity = 1_000

    private let path: String
    private var descriptor: Int32
    private var lines: Int
    /// Bytes of whole lines. What stands behind them was written by half and must go before the next line.
    private var length: off_t
    private var isTorn = false
    private(set) var entries: [Entry]

    /// Reads what is there; a torn tail is cut off.
    init(path: String) throws(AgentError) {
        let bytes = SecretFile.exists(path) ? try Self.read(path) : []
        let known = Self.parse(bytes)
        let descriptor = try Self.open(path)
        guard ftruncate(descriptor, off_t(known.good)) == 0 else {
            close(descriptor)
            throw Self.failure("the journal \(path) cannot be repaired")
        }
        self.path = path
        self.descriptor = descriptor
        entries = known.entries
        lines = known.lines
        length = off_t(known.good)
    }

    deinit { close(descriptor) }

    func entry(_ id: String) -> Entry? { entries.first { $0.id == id } }

    /// Returns when the entry is on disk.
    func record(_ entry: Entry) throws(AgentError) {
        entries.removeAll { $0.id == entry.id }
        entries.append(entry)
        if entries.count > Self.capacity { entries.removeFirst(entries.count - Self.capacity) }
        try append(Self.line(entry))
        lines += 1
        if lines > 4 * Self.capacity { try compact() }
    }

    private func append(_ line: [UInt8]) throws(AgentError) {
        if isTorn { try cutTail() }
        do throws(AgentError) {
            try write(line)
            length += off_t(line.count)
        } catch {
            // Whatever came behind a half line would be lost with it at the next start. A cut that fails is made before the next line.
            isTorn = true
            try? cutTail()
            throw error
        }
    }

    private func write(_ line: [UInt8]) throws(AgentError) {
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("the journal \(path) cannot be written") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw Self.failure("the journal \(path) cannot be synced") }
    }

    private func cutTail() throws(AgentError) {
        guard ftruncate(descriptor, length) == 0 else { throw Self.failure("the journal \(path) cannot be repaired") }
        isTorn = false
    }

    /// Writes what is remembered to a new file and puts it in place of the old one in one step.
    private func compact() throws(AgentError) {
        var kept: [UInt8] = []
        for entry in entries { kept += try Self.line(entry) }
        do throws(CryptographyError) {
            try SecretFile.write(kept, to: path)
        } catch {
            throw AgentError(.state, "the journal \(path) cannot be compacted", cause: error)
        }
        let fresh = try Self.open(path)
        close(descriptor)
        descriptor = fresh
        lines = entries.count
        length = off_t(kept.count)
    }

    private static func open(_ path: String) throws(AgentError) -> Int32 {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("the journal \(path) cannot be opened") }
        return descriptor
    }

    static func line(_ entry: Entry) throws(AgentError) -> [UInt8] {
        do {
            let json = try WireCoder.encode(entry)
            return Array(checksum(json).utf8) + [UInt8(ascii: " ")] + json + [UInt8(ascii: "\n")]
        } catch {
            throw AgentError(.state, "an operation cannot be written down", cause: error)
        }
    }

    /// Entries up to the first line that is not whole, the lines they took, and the bytes that were good.
    static func parse(_ bytes: [UInt8]) -> (entries: [Entry], lines: Int, good: Int) {
        var entries: [Entry] = []
        var lines = 0
        var good = 0
        while let end = bytes[good...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[good..<end]
            guard line.count > 9, String(decoding: line.prefix(8), as: UTF8.self) == checksum(Array(line.dropFirst(9))) else { break }
            guard let entry = try? WireCoder.decode(Entry.self, from: line.dropFirst(9)) else { break }
            entries.removeAll { $0.id == entry.id }
            entries.append(entry)
            lines += 1
            good = end + 1
        }
        return (Array(entries.suffix(capacity)), lines, good)
    }

    private static func checksum(_ bytes: [UInt8]) -> String {
        String(Hash.sha256(bytes).hex.prefix(8))
    }

    private static func read(_ path: String) throws(AgentError) -> [UInt8] {
        do throws(CryptographyError) {
            return try SecretFile.read(path, limit: 16 << 20)
        } catch {
            throw AgentError(.state, "the journal \(path) cannot be read", cause: error)
        }
    }

    private static func failure(_ message: String) -> AgentError {
        AgentError(.state, "\(message): \(String(cString: strerror(errno)))")
    }
}
