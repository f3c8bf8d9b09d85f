package import Cryptography

/// A credit as it was computed for one series of a month.
package struct EvidenceCredit: Sendable, Equatable {
    package let version: Int64
    package let model: String
    package let region: String
    /// Minutes that counted, and how many of them were bad.
    package let eligible: Int64
    package let bad: Int64
    package let percent: Ratio
    /// The fee that it is a part of, in pico-US-dollars.
    package let base: Int128
    package let cents: Int64

    package init(version: Int64, model: String, region: String, eligible: Int64, bad: Int64, percent: Ratio, base: Int128, cents: Int64) {
        self.version = version
        self.model = model
        self.region = region
        self.eligible = eligible
        self.bad = bad
        self.percent = percent
        self.base = base
        self.cents = cents
    }

    package var line: String {
        [
            "credit", "\(version)", BundleText.escape(model), BundleText.escape(region), "\(eligible)", "\(bad)", BundleText.ratio(percent),
            "\(base)",
            "\(cents)",
        ].joined(separator: "|")
    }

    /// What the public log holds of it.
    package var digest: SHA256Digest { Hash.sha256(line) }

    /// Reads exactly what `line` gives.
    package init?(line: String) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 9, fields[0] == "credit", let version = Int64(fields[1]), let model = BundleText.unescape(fields[2]),
            let region = BundleText.unescape(fields[3]), let eligible = Int64(fields[4]), let bad = Int64(fields[5]),
            let percent = BundleText.ratio(fields[6], limit: 1 << 62), let base = Int128(fields[7]), (0...(1 << 90)).contains(base),
            let cents = Int64(fields[8])
        else { return nil }
        self.init(version: version, model: model, region: region, eligible: eligible, bad: bad, percent: percent, base: base, cents: cents)
        guard self.line == line else { return nil }
    }

    /// Cents of a part of a fee, rounded half to even once.
    package static func cents(of base: Int128, percent: Ratio) -> Int128 {
        Rating.dividedHalfEven(base * Int128(percent.numerator), by: Int128(percent.denominator) * 100 * Rating.picoPerCent)
    }
}
