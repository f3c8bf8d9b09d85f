import Cryptography

/// Terms of a promise as a bundle carries them: all that its arithmetic needs.
package struct EvidenceTerms: Sendable {
    /// When latency earns a credit.
    package struct Latency: Sendable {
        /// The p95 of an hour must not be above it, microseconds. Leaves count their samples against it.
        package let threshold: Int64
        /// Per cent of the fee.
        package let percent: Int
        /// Once for each episode and not once a month.
        package let eachEpisode: Bool

        package init(threshold: Int64, percent: Int = 5, eachEpisode: Bool = false) {
            self.threshold = threshold
            self.percent = percent
            self.eachEpisode = eachEpisode
        }
    }

    /// Name and version, such as `pro-2`.
    package let id: String
    package let rule: TrafficRule
    package let credit: CreditTerms
    /// False: the objective is shown, missing it pays nothing.
    package let pays: Bool
    package let latency: Latency?

    package init(id: String, rule: TrafficRule, credit: CreditTerms, pays: Bool = true, latency: Latency? = nil) {
        self.id = id
        self.rule = rule
        self.credit = credit
        self.pays = pays
        self.latency = latency
    }

    var line: String {
        let latency = latency.map { "\($0.threshold),\($0.percent),\($0.eachEpisode ? "each" : "once")" } ?? "-"
        return [
            "terms", BundleText.escape(id), BundleText.ratio(credit.objective), ruleText, scheduleText, BundleText.ratio(credit.capPercent),
            pays ? "pays" : "shown", latency,
        ].joined(separator: "|")
    }

    /// Reads the fields of a line, the first of which is `terms`.
    init?(_ fields: [String]) {
        guard fields.count == 8, let id = BundleText.unescape(fields[1]), let objective = BundleText.ratio(fields[2], limit: 1_000_000),
            let rule = Self.rule(fields[3]), let schedule = Self.schedule(fields[4]), let cap = BundleText.percent(fields[5])
        else { return nil }
        var latency: Latency?
        if fields[7] != "-" {
            let parts = fields[7].split(separator: ",", omittingEmptySubsequences: false)
            guard parts.count == 3, let threshold = Int64(parts[0]), let percent = Int(parts[1]), (0...100).contains(percent) else { return nil }
            latency = Latency(threshold: threshold, percent: percent, eachEpisode: parts[2] == "each")
        }
        self.init(
            id: id, rule: rule, credit: CreditTerms(objective: objective, schedule: schedule, capPercent: cap), pays: fields[6] == "pays",
            latency: latency)
        guard line == fields.joined(separator: "|") else { return nil }
    }

    private var ruleText: String {
        switch rule {
        case .anyBad: "any"
        case .ratio(let threshold): "above \(BundleText.ratio(threshold))"
        }
    }

    private var scheduleText: String {
        switch credit.schedule {
        case .steps(let counting, let step, let percent): "\(counting.rawValue),\(BundleText.ratio(step)),\(BundleText.ratio(percent))"
        case .table(let rows): "table," + rows.map { "\(BundleText.ratio($0.below))=\(BundleText.ratio($0.percent))" }.joined(separator: ",")
        }
    }

    private static func rule(_ text: String) -> TrafficRule? {
        if text == "any" { return .anyBad }
        guard text.hasPrefix("above ") else { return nil }
        return BundleText.ratio(String(text.dropFirst(6)), limit: 1_000_000).map { .ratio(above: $0) }
    }

    private static func schedule(_ text: String) -> CreditTerms.Schedule? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts[0] == "table" else {
            guard parts.count == 3, let counting = CreditTerms.Counting(rawValue: parts[0]), let step = BundleText.ratio(parts[1], limit: 1_000_000),
                step.numerator > 0,
                let percent = BundleText.percent(parts[2])
            else { return nil }
            return .steps(counting, step: step, percent: percent)
        }
        var rows: [(below: Ratio, percent: Ratio)] = []
        for part in parts.dropFirst() {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2, let below = BundleText.ratio(sides[0], limit: 1_000_000), let percent = BundleText.percent(sides[1])
            else { return nil }
            rows.append((below, percent))
        }
        return .table(rows)
    }
}

/// Minutes that a promise leaves out, with why: applied by whoever reads the leaves, which stay as they were measured.
package struct EvidenceExclusion: Sendable, Equatable {
    /// Id of the promise that leaves them out.
    package let promise: String
    /// One of the contract's, such as `scheduled_maintenance`.
    package let code: String
    package let minutes: Range<Int64>
    /// Who let it count, and when it was announced where it had to be.
    package let approval: String
    package let reason: String

    package init(promise: String, code: String, minutes: Range<Int64>, approval: String, reason: String) {
        self.promise = promise
        self.code = code
        self.minutes = minutes
        self.approval = approval
        self.reason = reason
    }

    var line: String {
        let times = [UTCMinute.text(minutes.lowerBound), UTCMinute.text(minutes.upperBound)]
        return (["exclusion"] + [promise, code].map(BundleText.escape) + times + [approval, reason].map(BundleText.escape))
            .joined(separator: "|")
    }

    init?(_ fields: [String]) {
        guard fields.count == 7, let promise = BundleText.unescape(fields[1]), let code = BundleText.unescape(fields[2]),
            let since = UTCMinute.parse(fields[3]), let until = UTCMinute.parse(fields[4]), since <= until,
            let approval = BundleText.unescape(fields[5]), let reason = BundleText.unescape(fields[6])
        else { return nil }
        self.init(promise: promise, code: code, minutes: since..<until, approval: approval, reason: reason)
        guard line == fields.joined(separator: "|") else { return nil }
    }
}

/// How values stand in the lines of a bundle.
enum BundleText {
    /// In lowest terms, so that the same share is the same text.
    static func ratio(_ value: Ratio) -> String {
        let lowest = value * Ratio(1, 1)
        return "\(lowest.numerator)/\(lowest.denominator)"
    }

    /// - Parameter limit: Of both sides. With those that are used here no arithmetic of a month leaves 64 bits, whatever a bundle claims.
    static func ratio(_ text: String, limit: Int64) -> Ratio? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let numerator = Int64(parts[0]), let denominator = Int64(parts[1]), (1...limit).contains(denominator),
            (0...limit).contains(numerator)
        else { return nil }
        return Ratio(numerator, denominator)
    }

    /// Whole per cent of a fee.
    static func percent(_ text: String) -> Ratio? { ratio(text, limit: 100).flatMap { $0.denominator == 1 ? $0 : nil } }

    /// Percent signs, separators and control characters by their bytes.
    static func escape(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "|") || byte == UInt8(ascii: "%") {
                bytes += "%\(Hex.encode([byte]))".utf8
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func unescape(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self))?.first else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        let found = String(decoding: bytes, as: UTF8.self)
        return escape(found) == text ? found : nil
    }
}
