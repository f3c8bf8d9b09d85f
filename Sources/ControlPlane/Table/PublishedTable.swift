import Cryptography
import FoundationEssentials
import PlimsollWire

/// One version of the routing table as it stands in the database, with what is needed to tell a gateway only what changed.
struct PublishedTable: Sendable {
    struct Entry: Sendable {
        /// Nil: removed.
        var value: String?
        /// Version that changed it last.
        var version: Int64
    }

    var version: Int64 = 0
    var issuedAtSeconds: Int64 = 0
    var digestHex = ""
    var signatureBase64 = ""
    var entries: [String: Entry] = [:]
    /// Who has an older table than this needs the whole one: earlier removals are forgotten, and below a jump versions were another table's.
    var horizon: Int64 = 0

    /// The whole table, or what changed after `since`. Nil when `since` is this version or one that is still to come: nobody takes an older one.
    func answer(since: Int64?) -> SignedTable? {
        guard let since, since > 0, since >= horizon else { return whole() }
        guard since < version else { return nil }
        let changes = entries.filter { $0.value.version > since }
        let removed = changes.filter { $0.value.value == nil }.keys.sorted()
        return table(since: since, entries: changes.compactMapValues(\.value), removed: removed)
    }

    /// Entries without removals.
    var current: [String: String] { entries.compactMapValues(\.value) }

    private func whole() -> SignedTable {
        table(since: nil, entries: current, removed: [])
    }

    private func table(since: Int64?, entries: [String: String], removed: [String]) -> SignedTable {
        SignedTable(
            version: version, since: since, issuedAtSeconds: issuedAtSeconds, digestHex: digestHex, signatureBase64: signatureBase64,
            entries: entries, removed: removed)
    }
}
