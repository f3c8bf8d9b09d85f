/// A stretch of minutes of one series and the terms that judge it: an agreement's part of a month in the zone of its terms.
package struct EvidencePromise: Sendable, Equatable {
    /// Furthest that a zone's month begins or ends from that of UTC, in minutes: zones are up to 14 hours ahead and 12 behind.
    private static let (mostAhead, mostBehind): (Int64, Int64) = (840, 720)

    /// Of the agreement; without one a name of our own.
    package let id: String
    package let model: String
    package let region: String
    /// Of `EvidenceTerms`.
    package let terms: String
    /// IANA name of the zone of the month.
    package let zone: String
    /// What is judged.
    package let minutes: Range<Int64>
    /// Why it is not the whole month; empty: it is.
    package let partial: String

    package init(id: String, model: String, region: String, terms: String, zone: String, minutes: Range<Int64>, partial: String = "") {
        self.id = id
        self.model = model
        self.region = region
        self.terms = terms
        self.zone = zone
        self.minutes = minutes
        self.partial = partial
    }

    package func covers(_ series: EvidenceSeries) -> Bool { model == series.model && region == series.region }

    /// Whether these minutes can be of this month anywhere on earth.
    package func isWithin(_ month: BillingPeriod) -> Bool {
        let utc = month.minutes
        if zone == "UTC" { return utc.lowerBound <= minutes.lowerBound && minutes.upperBound <= utc.upperBound }
        return utc.lowerBound - Self.mostAhead <= minutes.lowerBound && minutes.upperBound <= utc.upperBound + Self.mostBehind
    }

    var line: String {
        let times = [UTCMinute.text(minutes.lowerBound), UTCMinute.text(minutes.upperBound)]
        return (["promise"] + [id, model, region, terms, zone].map(BundleText.escape) + times + [BundleText.escape(partial)]).joined(separator: "|")
    }

    /// Reads exactly what `line` gives.
    init?(_ fields: [String]) {
        guard fields.count == 9, let since = UTCMinute.parse(fields[6]), let until = UTCMinute.parse(fields[7]), since < until else { return nil }
        let texts = (fields[1..<6] + [fields[8]]).compactMap(BundleText.unescape)
        guard texts.count == 6 else { return nil }
        self.init(
            id: texts[0], model: texts[1], region: texts[2], terms: texts[3], zone: texts[4], minutes: since..<until, partial: texts[5])
        guard line == fields.joined(separator: "|") else { return nil }
    }
}
