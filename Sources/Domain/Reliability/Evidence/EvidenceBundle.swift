package import Cryptography

/// All evidence of a tenant's month in one text that needs nothing else to be checked (`docs/reliability.md`, "Evidence and verification").
///
/// It is a note as C2SP signed-note has it, so that a change of any byte shows, and lists leaves that anybody can hash.
package struct EvidenceBundle: Sendable {
    package static let version = "plimsoll evidence bundle v1"

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

    /// Leaves and the id of the terms that judge them.
    package struct Part: Sendable {
        package let stretch: EvidenceStretch
        package let terms: String
        /// Why it is not there for the whole month, such as since when it is subscribed; empty: it is.
        package let partial: String

        package init(stretch: EvidenceStretch, terms: String, partial: String = "") {
            self.stretch = stretch
            self.terms = terms
            self.partial = partial
        }
    }

    package var tenant: String
    package var month: BillingPeriod
    /// Opens the tag under which the public log names this tenant's month.
    package var salt: [UInt8]
    package var signer: NoteKey
    package var terms: [EvidenceTerms]
    package var exclusions: [EvidenceExclusion] = []
    package var probes: [EvidenceProbes] = []
    package var parts: [Part]
    /// Minutes that were found to be otherwise after their leaf was fixed, in the order of their finding.
    package var corrections: [EvidenceCorrection] = []
    package var credits: [EvidenceCredit] = []
    package var log: [LogLeaf] = []
    package var checkpoint: SignedNote

    package init(
        tenant: String, month: BillingPeriod, salt: [UInt8], signer: NoteKey, terms: [EvidenceTerms], parts: [Part], checkpoint: SignedNote
    ) {
        self.tenant = tenant
        self.month = month
        self.salt = salt
        self.signer = signer
        self.terms = terms
        self.parts = parts
        self.checkpoint = checkpoint
    }

    /// The whole file, the same bytes for the same values.
    package func sealed(with key: SigningKey) throws(CryptographyError) -> SignedNote {
        try SignedNote(signing: body, name: signer.name, with: key)
    }

    private var body: String {
        var lines = [Self.version, "tenant|\(tenant)", "month|\(month)", "salt|\(Hex.encode(salt))", "signer|\(signer)"]
        lines += terms.map(\.line)
        lines += exclusions.map(\.line)
        lines += probes.map(\.line)
        for part in parts { lines += Self.lines(part) }
        lines += corrections.map(\.line)
        lines += credits.map(\.line)
        for leaf in log {
            lines.append("log|\(leaf.position)|\(leaf.path.map(\.hex).joined(separator: ","))|\(leaf.entry.text)")
        }
        return lines.joined(separator: "\n") + "\ncheckpoint\n\(checkpoint)"
    }

    private static func lines(_ part: Part) -> [String] {
        let series = part.stretch.series
        var lines = ["series|\(series.model)|\(series.region)|\(BundleText.escape(part.terms))|\(BundleText.escape(part.partial))"]
        lines.reserveCapacity(part.stretch.runs.runs.count + 1)
        var minute = part.stretch.since
        for run in part.stretch.runs.runs {
            lines.append("\(UTCMinute.text(minute))|\(LeafRuns.line(run))")
            minute += Int64(run.times)
        }
        return lines
    }
}
