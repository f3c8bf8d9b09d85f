import Cryptography
import Glibc
import PlimsollWire

/// The last good table on disk, and the one before it.
struct TableFile: Sendable {
    private static let sizeLimit = 1 << 30
    private let current: String
    private let previous: String

    init(directory: String) {
        current = "\(directory)/table.json"
        previous = "\(directory)/table.previous.json"
    }

    /// Candidates, newest first; what cannot be read is a refusal.
    func load() -> [Result<SignedTable, TableRefusal>] {
        [current, previous].filter { SecretFile.exists($0) }.map { path in
            do {
                return .success(try WireCoder.decode(SignedTable.self, from: SecretFile.read(path, limit: Self.sizeLimit)))
            } catch {
                return .failure(TableRefusal(.unreadable, "\(path) is not a table"))
            }
        }
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
    }
}
