import PlimsollWire

/// The difference between the table that holds and the one that the rows make now.
struct TableChange: Sendable, Equatable {
    /// New or other texts by key.
    let changed: [String: String]
    let removed: [String]
    /// Models that had workers and lose the last one: true is true, but somebody should look.
    let orphanedModels: [String]

    init(from old: [String: String], to new: [String: String]) {
        changed = new.filter { old[$0.key] != $0.value }
        removed = old.keys.filter { new[$0] == nil }.sorted()
        orphanedModels = removed.isEmpty && changed.isEmpty ? [] : Self.models(old).subtracting(Self.models(new)).sorted()
    }

    var isEmpty: Bool { changed.isEmpty && removed.isEmpty }

    var count: Int { changed.count + removed.count }

    /// What changed, by kind: for people who read the list of versions.
    var summary: String {
        let changes = Self.kinds(changed.keys).map { "\($0.value) \($0.key) set" }
        let removals = Self.kinds(removed).map { "\($0.value) \($0.key) removed" }
        let parts = changes.sorted() + removals.sorted()
        return parts.isEmpty ? "first table, nothing in it" : parts.joined(separator: ", ")
    }

    private static func kinds(_ keys: some Sequence<String>) -> [String: Int] {
        keys.reduce(into: [:]) { counts, key in counts[String(key.prefix { $0 != "/" }), default: 0] += 1 }
    }

    private static func models(_ entries: [String: String]) -> Set<String> {
        struct Served: Decodable { var model: String }
        let prefix = TableEntryKind.worker.rawValue + "/"
        return Set(
            entries.compactMap { key, value in
                key.hasPrefix(prefix) ? (try? WireCoder.decode(Served.self, from: value.utf8))?.model : nil
            })
    }
}
