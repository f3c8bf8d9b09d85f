import Cryptography

/// Where a bundle's text is none.
package struct BundleFault: Error, Sendable, CustomStringConvertible {
    package let line: Int
    package let message: String

    package var description: String { "line \(line): \(message)" }
}

extension EvidenceBundle {
    /// Reads the text of a bundle's note. The order of lines is free only within a kind: what is written another way is refused by the seal.
    package init(reading text: String) throws(BundleFault) {
        var reader = BundleReader(text)
        let version = try reader.choose([Self.version, Self.earlierVersion])
        let tenant = try reader.value("tenant")
        let month = try reader.month(try reader.value("month"))
        guard let signer = NoteKey(try reader.value("signer")) else { throw reader.fault("is no verifier key") }
        var content = BundleContent()
        while let fields = reader.fields(), fields != ["checkpoint"] {
            try content.add(fields, tenant: tenant, reader)
        }
        guard let checkpoint = SignedNote(reader.rest) else { throw reader.fault("is no signed checkpoint") }
        self.init(
            tenant: tenant, month: month, signer: signer, terms: content.terms, promises: content.promises, trees: content.trees,
            checkpoint: checkpoint)
        guard version == Self.version || (content.contracts.isEmpty && content.maintenance.isEmpty) else {
            throw reader.fault("is above lines that its version has not")
        }
        self.version = version
        contracts = content.contracts
        maintenance = content.maintenance
        exclusions = content.exclusions
        probes = content.probes
        corrections = content.corrections
        credits = content.credits
        log = content.log
    }
}

/// What has been read so far.
private struct BundleContent {
    var terms: [EvidenceTerms] = []
    var promises: [EvidencePromise] = []
    var contracts: [EvidenceContract] = []
    var maintenance: [EvidenceMaintenance] = []
    var exclusions: [EvidenceExclusion] = []
    var probes: [EvidenceProbes] = []
    var trees: [EvidenceBundle.Tree] = []
    var corrections: [EvidenceCorrection] = []
    var credits: [EvidenceCredit] = []
    var log: [EvidenceBundle.LogLeaf] = []

    mutating func add(_ fields: [String], tenant: String, _ reader: BundleReader) throws(BundleFault) {
        switch fields[0] {
        case "terms": terms.append(try reader.required(EvidenceTerms(fields), "are no terms"))
        case "promise": promises.append(try reader.required(EvidencePromise(fields), "is no promise"))
        case "contract": contracts.append(try reader.required(EvidenceContract(fields), "is no contract"))
        case "maintenance": maintenance.append(try reader.required(EvidenceMaintenance(fields), "is no maintenance"))
        case "exclusion": exclusions.append(try reader.required(EvidenceExclusion(fields), "is no exclusion"))
        case "probes": probes.append(try reader.required(EvidenceProbes(fields), "are no probes"))
        case "tree": trees.append(try tree(fields, reader))
        case "series": try begin(fields, tenant: tenant, reader)
        case "correction": corrections.append(try reader.required(EvidenceCorrection(line: fields.joined(separator: "|")), "is no correction"))
        case "credit": credits.append(try reader.required(EvidenceCredit(line: fields.joined(separator: "|")), "is no credit"))
        case "log": log.append(try logLeaf(fields, reader))
        default: try extend(fields, reader)
        }
    }

    private func tree(_ fields: [String], _ reader: BundleReader) throws(BundleFault) -> EvidenceBundle.Tree {
        guard fields.count == 5, let count = Int(fields[3]), (0...(1 << 40)).contains(count), "\(count)" == fields[3] else {
            throw reader.fault("is no tree")
        }
        let before = try reader.required(
            MerkleFrontier(count: count, peaks: try hashes(fields[4], reader)), "has not the hashes that its number of leaves needs")
        return EvidenceBundle.Tree(month: try reader.month(fields[1]), salt: try reader.bytes(fields[2]), before: before, parts: [])
    }

    private func hashes(_ text: String, _ reader: BundleReader) throws(BundleFault) -> [SHA256Digest] {
        var hashes: [SHA256Digest] = []
        for part in text.split(separator: ",") {
            hashes.append(try reader.required(SHA256Digest(hex: part), "has a hash that is none"))
        }
        return hashes
    }

    private mutating func begin(_ fields: [String], tenant: String, _ reader: BundleReader) throws(BundleFault) {
        guard let last = trees.indices.last, fields.count == 4, let partial = BundleText.unescape(fields[3]),
            let series = EvidenceSeries(tenant: tenant, model: fields[1], region: fields[2])
        else { throw reader.fault("is no series") }
        let first = reader.peek()?.split(separator: "|", maxSplits: 1).first.map(String.init) ?? ""
        guard let since = UTCMinute.parse(first) else { throw reader.fault("has no minutes below it") }
        trees[last].parts.append(EvidenceBundle.Part(stretch: EvidenceStretch(series: series, since: since), partial: partial))
    }

    private mutating func extend(_ fields: [String], _ reader: BundleReader) throws(BundleFault) {
        guard let tree = trees.indices.last, let last = trees[tree].parts.indices.last, fields.count == 7,
            let run = LeafRuns.run(fields.dropFirst().joined(separator: "|"))
        else {
            throw reader.fault("is of no known kind")
        }
        let (until, counts) = (trees[tree].parts[last].stretch.until, trees[tree].parts[last].stretch.runs.runs.last?.counts)
        guard UTCMinute.text(until) == fields[0] else { throw reader.fault("does not follow the minute before it") }
        guard counts != run.counts else { throw reader.fault("repeats the line before it") }
        trees[tree].parts[last].stretch.runs.append(run.counts, times: run.times)
    }

    private func logLeaf(_ fields: [String], _ reader: BundleReader) throws(BundleFault) -> EvidenceBundle.LogLeaf {
        guard fields.count >= 4, let position = Int(fields[1]), position >= 0 else { throw reader.fault("is no leaf of the log") }
        let path = try hashes(fields[2], reader)
        let entry = try reader.required(PublicLogEntry(fields.dropFirst(3).joined(separator: "|")), "is no entry of the log")
        return EvidenceBundle.LogLeaf(position: position, entry: entry, path: path)
    }
}

/// Walks the lines of a bundle.
private struct BundleReader {
    private let lines: [ArraySlice<UInt8>]
    private var next = 0

    init(_ text: String) {
        lines = Array(text.utf8).split(separator: 0x0A, omittingEmptySubsequences: false)
    }

    mutating func line() -> String? {
        guard next < lines.count else { return nil }
        next += 1
        return String(decoding: lines[next - 1], as: UTF8.self)
    }

    func peek() -> String? { next < lines.count ? String(decoding: lines[next], as: UTF8.self) : nil }

    mutating func fields() -> [String]? {
        line().map { $0.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) } }
    }

    var rest: String { lines[next...].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n") }

    mutating func choose(_ texts: [String]) throws(BundleFault) -> String {
        guard let text = line(), texts.contains(text) else { throw fault("is not \(texts.joined(separator: " or "))") }
        return text
    }

    mutating func value(_ name: String) throws(BundleFault) -> String {
        guard let fields = fields(), fields.count == 2, fields[0] == name else { throw fault("is not the \(name)") }
        return fields[1]
    }

    func month(_ text: String) throws(BundleFault) -> BillingPeriod { try required(BillingPeriod(text), "is no month") }

    func bytes(_ text: String) throws(BundleFault) -> [UInt8] { try required(Hex.decode(text), "is not in hexadecimal digits") }

    func required<Value>(_ value: Value?, _ message: String) throws(BundleFault) -> Value {
        guard let value else { throw fault(message) }
        return value
    }

    func fault(_ message: String) -> BundleFault { BundleFault(line: next, message: message) }
}

extension BillingPeriod {
    /// Reads exactly what `description` gives.
    package init?(_ text: String) {
        guard let minute = UTCMinute.parse("\(text)-01T00:00Z") else { return nil }
        self.init(microseconds: minute * 60_000_000)
    }

    /// First minute since 1970 of the month, up to the first one after it.
    package var minutes: Range<Int64> { (start / 60_000_000)..<(end / 60_000_000) }
}

extension PublicLogEntry {
    /// Reads exactly what `text` gives.
    package init?(_ text: String) {
        let fields = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 5, let month = BillingPeriod(fields[2]), let tag = SHA256Digest(hex: fields[3]), let last = fields.last,
            let digest = SHA256Digest(hex: last)
        else { return nil }
        switch fields[1] {
        case "root":
            guard let size = Int(fields[4]) else { return nil }
            self.init(tag: tag, month: month, fact: .root(size: size, digest))
        case "credit": self.init(tag: tag, month: month, fact: .credit(digest))
        case "correction": self.init(tag: tag, month: month, fact: .correction(digest))
        default: return nil
        }
        guard self.text == text else { return nil }
    }
}
