import Cryptography

/// What a table's signature covers: see `SignedTable`.
enum TableDigest {
    /// SHA-256 over SHA-256(key) and SHA-256(value) of every entry, in ascending byte order of the keys.
    static func digest(_ entries: [String: String]) -> SHA256Digest {
        var hasher = SHA256Hasher()
        for key in entries.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            hasher.update(Hash.sha256(key))
            hasher.update(Hash.sha256(entries[key, default: ""]))
        }
        return hasher.finish()
    }

    static func signedBytes(version: Int64, issuedAtSeconds: Int64, digest: SHA256Digest) -> [UInt8] {
        Array("plimsoll-table-1\n\(version)\n\(issuedAtSeconds)\n\(digest.hex)\n".utf8)
    }
}
