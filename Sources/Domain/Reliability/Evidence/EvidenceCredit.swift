package import Cryptography

/// A credit as it was computed for a month of one agreement.
package struct EvidenceCredit: Sendable, Equatable {
    package let version: Int64
    /// Id of the promise that it keeps.
    package let promise: String
    package let model: String
    package let region: String
    /// Minutes that counted, and how many of them were bad.
    package let eligible: Int64
    package let bad: Int64
    package let percent: Ratio
    /// The fee that it is a part of, in pico-US-dollars.
    package let base: Int128
    package let cents: Int64
    /// The evidence from which it was computed.
    package let roots: EvidenceRoots

    package init(
        version: Int64, promise: String, model: String, region: String, eligible: Int64, bad: Int64, percent: Ratio, base: Int128, cents: Int64,
        roots: EvidenceRoots
    ) {
        self.version = version
        self.promise = promise
        self.model = model
        self.region = region
        self.eligible = eligible
        self.bad = bad
        self.percent = percent
        self.base = base
        self.cents = cents
        self.roots = roots
    }

    package var line: String {
        [
            "credit", "\(version)", BundleText.escape(promise), BundleText.escape(model), BundleText.escape(region), "\(eligible)", "\(bad)",
            BundleText.ratio(percent), "\(base)", "\(cents)", roots.text,
        ].joined(separator: "|")
    }

    /// What the public log holds of it.
    package var digest: SHA256Digest { Hash.sha256(line) }

    /// Reads exactly what `line` gives.
    package init?(line: String) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 11, fields[0] == "credit", let version = Int64(fields[1]), let promise = BundleText.unescape(fields[2]),
            let model = BundleText.unescape(fields[3]), let region = BundleText.unescape(fields[4]), let eligible = Int64(fields[5]),
            let bad = Int64(fields[6]), let percent = BundleText.ratio(fields[7], limit: 1 << 62), let base = Int128(fields[8]),
            (0...(1 << 90)).contains(base), let cents = Int64(fields[9]), let roots = EvidenceRoots(fields[10])
        else { return nil }
        self.init(
            version: version, promise: promise, model: model, region: region, eligible: eligible, bad: bad, percent: percent, base: base,
            cents: cents, roots: roots)
        guard self.line == line else { return nil }
    }

    /// Cents of a part of a fee, rounded half to even once.
    package static func cents(of base: Int128, percent: Ratio) -> Int128 {
        Rating.dividedHalfEven(base * Int128(percent.numerator), by: Int128(percent.denominator) * 100 * Rating.picoPerCent)
    }
}
