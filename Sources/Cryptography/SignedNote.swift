/// Who signs notes: a name and an Ed25519 key, as C2SP signed-note (c2sp.org/signed-note) has them.
package struct NoteKey: Sendable, Equatable, CustomStringConvertible {
    private static let ed25519: UInt8 = 1

    /// Without white space and plus signs, such as `example.com/log`.
    package let name: String
    package let key: VerifyingKey

    /// Nil when no note could carry the name.
    package init?(name: String, key: VerifyingKey) {
        guard Self.isName(name) else { return nil }
        self.name = name
        self.key = key
    }

    /// Reads a verifier key as `description` writes it; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.count == 33, bytes[0] == Self.ed25519,
            let key = try? VerifyingKey(rawBytes: Array(bytes.dropFirst()))
        else { return nil }
        self.init(name: String(parts[0]), key: key)
        guard description == text else { return nil }
    }

    /// First four bytes of the hash of name and key: which key a signature is of.
    package var id: [UInt8] {
        Array(Hash.sha256(Array(name.utf8) + [0x0A, Self.ed25519] + key.rawBytes).bytes.prefix(4))
    }

    /// The verifier key: name, id and key.
    package var description: String { "\(name)+\(Hex.encode(id))+\(Base64.encode([Self.ed25519] + key.rawBytes))" }

    private static func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "+") }
    }
}

/// A text with one signature below it, as C2SP signed-note has it: the text, an empty line, and a line of the signer's name and signature.
package struct SignedNote: Sendable, Equatable, CustomStringConvertible {
    /// One or more lines, each with its end.
    package let text: String
    private let signer: String
    /// Four bytes that tell the key, then the signature.
    private let signature: [UInt8]

    private static let dash = "\u{2014}"

    /// - Parameter text: Ends with a line feed.
    package init(signing text: String, name: String, with key: SigningKey) throws(CryptographyError) {
        guard text.hasSuffix("\n"), let signer = NoteKey(name: name, key: key.verifyingKey) else {
            throw CryptographyError(.invalidName, "a note has lines and a signer's name without white space")
        }
        self.text = text
        self.signer = name
        signature = signer.id + (try key.sign(Array(text.utf8)))
    }

    /// Reads exactly what `description` writes: one signature, nothing before, after or between.
    package init?(_ note: String) {
        let bytes = Array(note.utf8)
        guard let gap = Self.lastGap(bytes) else { return nil }
        let line = String(decoding: bytes[(gap + 2)...], as: UTF8.self)
        let parts = line.dropLast().split(separator: " ", omittingEmptySubsequences: false)
        guard line.hasSuffix("\n"), parts.count == 3, parts[0] == Self.dash, let signature = Base64.decode(parts[2]), signature.count == 68 else {
            return nil
        }
        text = String(decoding: bytes[...gap], as: UTF8.self)
        signer = String(parts[1])
        self.signature = signature
        guard Array(description.utf8) == bytes else { return nil }
    }

    package var description: String { "\(text)\n\(Self.dash) \(signer) \(Base64.encode(signature))\n" }

    /// Whether the signature is this key's and of this text.
    package func isSigned(by key: NoteKey) -> Bool {
        signer == key.name && Array(signature.prefix(4)) == key.id && key.key.isValid(signature: Array(signature.dropFirst(4)), for: Array(text.utf8))
    }

    /// Index of the first of the last two line feeds in a row.
    private static func lastGap(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 3 else { return nil }
        return (1...(bytes.count - 2)).last { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
    }
}

/// Head of a log's tree, as C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint) has it: origin, size and root.
package struct LogCheckpoint: Sendable, Equatable {
    /// Which log; also the name under which it signs.
    package let origin: String
    package let size: Int
    package let root: SHA256Digest

    package init(origin: String, size: Int, root: SHA256Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads a note's text; nil unless it is exactly what `text` gives.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, let size = Int(lines[1]), size >= 0, let bytes = Base64.decode(lines[2]), let root = SHA256Digest(bytes: bytes) else {
            return nil
        }
        self.init(origin: String(lines[0]), size: size, root: root)
        guard self.text == text, !origin.isEmpty else { return nil }
    }

    package var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

    package func note(signedWith key: SigningKey) throws(CryptographyError) -> SignedNote {
        try SignedNote(signing: text, name: origin, with: key)
    }
}
