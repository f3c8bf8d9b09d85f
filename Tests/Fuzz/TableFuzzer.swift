import Cryptography
import PlimsollWire

@testable import Gateway

/// A table is taken whole, exactly as it was signed, or not at all. The bytes are lines of entries: key, tab, JSON.
enum TableFuzzer: Fuzzer {
    static let name = "table"

    private struct Signer {
        let signing: SigningKey
        let verifying: VerifyingKey

        init() throws {
            signing = try SigningKey(rawBytes: [UInt8](repeating: 7, count: 32))
            verifying = signing.verifyingKey
        }
    }

    private static let signer = Result { try Signer() }

    static func check(_ bytes: [UInt8]) throws {
        _ = try? WireCoder.decode(SignedTable.self, from: bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        var entries: [String: String] = [:]
        var isGood = true
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
            let (key, value) = (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            entries[key] = value
        }
        var contents = TableContents(version: 3, issuedAtSeconds: 5)
        for (key, value) in entries {
            guard let entry = try? TableValue(key: key, text: value) else {
                isGood = false
                continue
            }
            entry.add(to: &contents)
        }
        guard isGood, !entries.isEmpty else { return try refuses(entries) }
        try takes(entries, contents)
    }

    private static func signed(_ entries: [String: String]) throws -> SignedTable {
        var hasher = SHA256Hasher()
        for (key, value) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            hasher.update(Hash.sha256(key))
            hasher.update(Hash.sha256(value))
        }
        let digest = hasher.finish().hex
        let signature = try signer.get().signing.sign(Array("plimsoll-table-1\n3\n5\n\(digest)\n".utf8))
        return SignedTable(
            version: 3, since: nil, issuedAtSeconds: 5, digestHex: digest, signatureBase64: Base64.encode(signature), entries: entries, removed: [])
    }

    private static func refuses(_ entries: [String: String]) throws {
        guard !entries.isEmpty else { return }
        let taken = try? TableDocument().applying(try signed(entries), key: try signer.get().verifying)
        try hold(taken == nil, "a table with a bad entry is taken")
    }

    private static func takes(_ entries: [String: String], _ contents: TableContents) throws {
        let key = try signer.get().verifying
        let table = try signed(entries)
        let document = try TableDocument().applying(table, key: key)
        let read = document.contents
        try hold(read.tenants == contents.tenants && read.tiers == contents.tiers && read.models == contents.models, "other entries")
        try hold(read.workers.count == contents.workers.count && read.denied.count == contents.denied.count, "another number of entries")
        try hold(document.signed.entries == entries, "other entries to keep")
        for (name, value) in entries {
            var altered = table
            altered.entries[name] = value + " "
            try hold((try? TableDocument().applying(altered, key: key)) == nil, "an altered entry is taken")
            altered.entries[name] = nil
            try hold((try? TableDocument().applying(altered, key: key)) == nil, "a missing entry is not missed")
            break
        }
        var older = table
        older.issuedAtSeconds -= 1
        try hold((try? TableDocument().applying(older, key: key)) == nil, "another time than was signed is taken")
        try hold((try? document.applying(table, key: key)) == nil, "the same version is taken again")
    }
}
