import Cryptography
import PlimsollWire

/// The entries of a table as texts with their hashes, and what was signed about them. A value: a change is tried on a copy.
struct TableDocument: Sendable {
    static let entryLimit = 1_000_000

    struct Entry: Sendable {
        let text: String
        let value: TableValue
        /// SHA-256 of the key and of the text, so that a change hashes only what it brings.
        let keyHash: SHA256Digest
        let textHash: SHA256Digest
    }

    private(set) var version: Int64 = 0
    private(set) var issuedAtSeconds: Int64 = 0
    private(set) var digestHex = ""
    private(set) var signatureBase64 = ""
    private(set) var entries: [String: Entry] = [:]

    init() {}

    /// What the table becomes, proven by its signature. Throws a `TableRefusal` and changes nothing when it must not be believed.
    func applying(_ change: SignedTable, key: VerifyingKey) throws(TableRefusal) -> TableDocument {
        try Self.verify(change, key)
        guard change.version > version else {
            throw TableRefusal(.notNewer, "version \(change.version) is not newer than \(version)")
        }
        if let since = change.since, since != version || version == 0 {
            throw TableRefusal(.wrongBase, "the change is to version \(since), ours is \(version)")
        }
        var next = change.since == nil ? TableDocument() : self
        try next.replace(change)
        guard next.computedDigest().hex == change.digestHex else {
            throw TableRefusal(.wrongDigest, "the entries of version \(change.version) are not those that were signed")
        }
        return next
    }

    /// The whole table as it was signed, to be kept on disk.
    var signed: SignedTable {
        SignedTable(
            version: version, since: nil, issuedAtSeconds: issuedAtSeconds, digestHex: digestHex, signatureBase64: signatureBase64,
            entries: entries.mapValues(\.text), removed: [])
    }

    var contents: TableContents {
        var contents = TableContents(version: version, issuedAtSeconds: issuedAtSeconds, digestHex: digestHex)
        for key in orderedKeys { entries[key]?.value.add(to: &contents) }
        return contents
    }

    private static func verify(_ change: SignedTable, _ key: VerifyingKey) throws(TableRefusal) {
        let message = "plimsoll-table-1\n\(change.version)\n\(change.issuedAtSeconds)\n\(change.digestHex)\n"
        guard let signature = Base64.decode(change.signatureBase64), key.isValid(signature: signature, for: Array(message.utf8)) else {
            throw TableRefusal(.wrongSignature, "version \(change.version) is not signed by the table key")
        }
    }

    private mutating func replace(_ change: SignedTable) throws(TableRefusal) {
        for key in change.removed { entries[key] = nil }
        for (key, text) in change.entries {
            if let known = entries[key], known.text == text { continue }
            entries[key] = Entry(text: text, value: try TableValue(key: key, text: text), keyHash: Hash.sha256(key), textHash: Hash.sha256(text))
        }
        guard entries.count <= Self.entryLimit else { throw TableRefusal(.tooLarge, "more than \(Self.entryLimit) entries") }
        version = change.version
        issuedAtSeconds = change.issuedAtSeconds
        digestHex = change.digestHex
        signatureBase64 = change.signatureBase64
    }

    private var orderedKeys: [String] {
        entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func computedDigest() -> SHA256Digest {
        var hasher = SHA256Hasher()
        for key in orderedKeys {
            guard let entry = entries[key] else { continue }
            hasher.update(entry.keyHash)
            hasher.update(entry.textHash)
        }
        return hasher.finish()
    }
}
