import Cryptography
import Glibc
import PlimsollWire

/// The last good table on disk, the one before it, and a newer one whose fleet is held back.
struct TableFile: Sendable {
    private static let sizeLimit = 1 << 30
    private let current: String
    private let previous: String
    private let held: String

    init(directory: String) {
        held = "\(directory)/table.held.json"
        current = "\(directory)/table.json"
        previous = "\(directory)/table.previous.json"
    }

    /// Candidates, newest first; what cannot be read is a refusal.
    func load() -> [Result<SignedTable, TableRefusal>] {
        [current, previous].compactMap { read($0) }
    }

    /// Nil when there is none.
    func loadHeld() -> Result<SignedTable, TableRefusal>? { read(held) }

    private func read(_ path: String) -> Result<SignedTable, TableRefusal>? {
        guard SecretFile.exists(path) else { return nil }
        do {
            return .success(try WireCoder.decode(SignedTable.self, from: SecretFile.read(path, limit: Self.sizeLimit)))
        } catch {
            return .failure(TableRefusal(.unreadable, "\(path) is not a table"))
        }
    }

    func saveHeld(_ table: SignedTable) throws {
        try SecretFile.write(try WireCoder.encode(table), to: held)
    }

    /// Replaces the kept table. Between the two steps only the previous one stands, which a start then takes.
    ///
    /// - Parameter keepsPrevious: False when the present file is not known to be good, so that it must not push out the one before it.
    func save(_ table: SignedTable, keepsPrevious: Bool) throws {
        let bytes = try WireCoder.encode(table)
        if keepsPrevious, rename(current, previous) != 0, errno != ENOENT {
            throw SystemFault.error("cannot keep \(previous)")
        }
        try SecretFile.write(bytes, to: current)
        // Older than this one from now on. If it stays for want of a disk, a start refuses it for that.
        _ = unlink(held)
    }
}
