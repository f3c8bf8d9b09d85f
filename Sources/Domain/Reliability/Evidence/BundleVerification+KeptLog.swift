package import Cryptography

/// What somebody has of the public log from elsewhere than the bundle: a checkpoint that was kept, or is asked for later, and the leaves that it covers.
package struct KeptLog: Sendable {
    package let checkpoint: SignedNote
    /// Texts of the leaves from the first one on; nil: only the checkpoint was kept.
    package let entries: [String]?

    package init(checkpoint: SignedNote, entries: [String]? = nil) {
        self.checkpoint = checkpoint
        self.entries = entries
    }
}

/// A bundle against a log that its maker did not choose: only so a correction shows that was withheld together with its leaf.
extension BundleVerification {
    mutating func check(_ kept: KeptLog, _ bundle: EvidenceBundle, _ signer: NoteKey) {
        guard let head = LogCheckpoint(kept.checkpoint.text), kept.checkpoint.isSigned(by: signer), head.origin == signer.name,
            let own = LogCheckpoint(bundle.checkpoint.text)
        else { return note("kept", "what was kept is no checkpoint of \(signer)", false) }
        guard let entries = kept.entries else { return compare(own, head) }
        let size = max(head.size, own.size)
        guard entries.count >= size else { return note("kept", "\(entries.count) leaves are here, the checkpoints cover \(size)", false) }
        let hashes = entries.prefix(size).map { MerkleTree.leafHash($0.utf8) }
        let forked = [("that was kept", head), ("in the bundle", own)].filter { MerkleTree.root(hashes[..<$0.1.size]) != $0.1.root }.map(\.0)
        note(
            "kept",
            forked.isEmpty
                ? "\(head.size) leaves then and \(own.size) in the bundle are the beginning of one log"
                : "the leaves are not those of the checkpoint \(forked.joined(separator: ", nor of that "))", forked.isEmpty)
        guard forked.isEmpty else { return }
        checkWithheld(bundle, entries.prefix(size))
    }

    private mutating func compare(_ own: LogCheckpoint, _ head: LogCheckpoint) {
        guard own.size == head.size else {
            return note(
                "kept", "it covers \(head.size) leaves and the bundle \(own.size): without the leaves nothing shows that they are of one log", false)
        }
        let isSame = own.root == head.root
        note("kept", isSame ? "the bundle's checkpoint is the one that was kept" : "as many leaves have another root: two logs were told", isSame)
    }

    /// Every correction and credit of the month that the log has must be in the bundle. Of a neighbour's tree it has only what it needs, and hashes do not
    /// tell which that is.
    private mutating func checkWithheld(_ bundle: EvidenceBundle, _ entries: ArraySlice<String>) {
        let tags = bundle.trees.filter { $0.month == bundle.month }.map { PublicLogEntry.tag(tenant: bundle.tenant, month: $0.month, salt: $0.salt) }
        let shown = Set(bundle.log.map(\.position))
        let misplaced = bundle.log.count { !entries.indices.contains($0.position) || entries[$0.position] != $0.entry.text }
        let withheld = entries.indices.filter { place in
            guard !shown.contains(place), let entry = PublicLogEntry(entries[place]), tags.contains(entry.tag) else { return false }
            if case .root = entry.fact { return false }
            return true
        }
        note(
            "withheld",
            withheld.isEmpty && misplaced == 0
                ? "no correction or credit of the month in the log is missing here"
                : misplaced > 0
                    ? "\(misplaced) leaves stand elsewhere in the log than the bundle says"
                    : "the log has corrections or credits of this month that are not here, at \(withheld.map(String.init).joined(separator: ", ")): "
                        + "ask for the bundle again; if they are not in that one, they are withheld", withheld.isEmpty && misplaced == 0)
    }
}
