package import Cryptography

/// All evidence of a tenant's month in one text that needs nothing else to be checked (`docs/reliability.md`, "Evidence and verification").
///
/// It is a note as C2SP signed-note has it, so that a change of any byte shows, and lists leaves that anybody can hash.
package struct EvidenceBundle: Sendable {
    package static let version = "plimsoll evidence bundle v3"
    /// Its contracts are not in it: what it leaves out is told, not judged.
    static let earlierVersion = "plimsoll evidence bundle v2"

    /// A leaf of the public log with its way to the root of the checkpoint.
    package struct LogLeaf: Sendable, Equatable {
        package let position: Int
        package let entry: PublicLogEntry
        package let path: [SHA256Digest]

        package init(position: Int, entry: PublicLogEntry, path: [SHA256Digest]) {
            self.position = position
            self.entry = entry
            self.path = path
        }
    }

    /// Leaves of one series.
    package struct Part: Sendable {
        package var stretch: EvidenceStretch
        /// Why it is not there for the whole month, such as since when it is subscribed; empty: it is.
        package let partial: String

        package init(stretch: EvidenceStretch, partial: String = "") {
            self.stretch = stretch
            self.partial = partial
        }
    }

    /// Leaves of one tree: all up to a day's end, or all from one day on, with what the tree was before it.
    package struct Tree: Sendable {
        package let month: BillingPeriod
        /// Opens the tag under which the public log names the tenant's month.
        package let salt: [UInt8]
        package let before: MerkleFrontier
        package var parts: [Part]

        package init(month: BillingPeriod, salt: [UInt8], before: MerkleFrontier = MerkleFrontier(), parts: [Part]) {
            self.month = month
            self.salt = salt
            self.before = before
            self.parts = parts
        }
    }

    package internal(set) var version = Self.version
    package var tenant: String
    package var month: BillingPeriod
    package var signer: NoteKey
    package var terms: [EvidenceTerms]
    package var promises: [EvidencePromise]
    /// One of each promise by an agreement.
    package var contracts: [EvidenceContract] = []
    package var maintenance: [EvidenceMaintenance] = []
    package var exclusions: [EvidenceExclusion] = []
    package var probes: [EvidenceProbes] = []
    /// The month's own in whole, and what promises in other zones need of its neighbours.
    package var trees: [Tree]
    /// Minutes that were found to be otherwise after their leaf was fixed, in the order of their finding.
    package var corrections: [EvidenceCorrection] = []
    package var credits: [EvidenceCredit] = []
    package var log: [LogLeaf] = []
    package var checkpoint: SignedNote

    package init(
        tenant: String, month: BillingPeriod, signer: NoteKey, terms: [EvidenceTerms], promises: [EvidencePromise], trees: [Tree],
        checkpoint: SignedNote
    ) {
        self.tenant = tenant
        self.month = month
        self.signer = signer
        self.terms = terms
        self.promises = promises
        self.trees = trees
        self.checkpoint = checkpoint
    }

    /// The whole file, the same bytes for the same values.
    package func sealed(with key: SigningKey) throws(CryptographyError) -> SignedNote {
        try SignedNote(signing: body, name: signer.name, with: key)
    }

    private var body: String {
        var lines = [version, "tenant|\(tenant)", "month|\(month)", "signer|\(signer)"]
        lines += terms.map(\.line)
        lines += promises.map(\.line)
        lines += contracts.map(\.line)
        lines += maintenance.map(\.line)
        lines += exclusions.map(\.line)
        lines += probes.map(\.line)
        for tree in trees { lines += Self.lines(tree) }
        lines += corrections.map(\.line)
        lines += credits.map(\.line)
        for leaf in log {
            lines.append("log|\(leaf.position)|\(leaf.path.map(\.hex).joined(separator: ","))|\(leaf.entry.text)")
        }
        return lines.joined(separator: "\n") + "\ncheckpoint\n\(checkpoint)"
    }

    private static func lines(_ tree: Tree) -> [String] {
        let before = tree.before
        var lines = ["tree|\(tree.month)|\(Hex.encode(tree.salt))|\(before.count)|\(before.peaks.map(\.hex).joined(separator: ","))"]
        for part in tree.parts { lines += Self.lines(part) }
        return lines
    }

    private static func lines(_ part: Part) -> [String] {
        let series = part.stretch.series
        var lines = ["series|\(series.model)|\(series.region)|\(BundleText.escape(part.partial))"]
        lines.reserveCapacity(part.stretch.runs.runs.count + 1)
        var minute = part.stretch.since
        for run in part.stretch.runs.runs {
            lines.append("\(UTCMinute.text(minute))|\(LeafRuns.line(run))")
            minute += Int64(run.times)
        }
        return lines
    }
}
