package import Cryptography

/// What one minute of one tenant, model and region counted, as the evidence of its month holds it. The text is what is hashed.
package struct MinuteLeaf: Sendable, Equatable {
    package static let version = "v1"
    /// What a minute may have counted: no sum over a month leaves 64 bits, whatever a text claims.
    static let counts: ClosedRange<Int64> = 0...1 << 40

    package let tenant: String
    package let model: String
    package let region: String
    /// Minutes since 1970.
    package let minute: Int64
    package let good: Int64
    package let bad: Int64
    package let excluded: Int64
    package let firstTokens: LatencyCounter
    package let status: MinuteStatus

    /// Nil when a name has a character that the text cannot hold, or a count is below 0 or above 2^40.
    package init?(
        tenant: String, model: String, region: String, minute: Int64, good: Int64, bad: Int64, excluded: Int64, firstTokens: LatencyCounter,
        status: MinuteStatus
    ) {
        guard [tenant, model, region].allSatisfy(Self.isName),
            [good, bad, excluded, firstTokens.samples, firstTokens.over].allSatisfy({ Self.counts.contains($0) })
        else {
            return nil
        }
        self.tenant = tenant
        self.model = model
        self.region = region
        self.minute = minute
        self.good = good
        self.bad = bad
        self.excluded = excluded
        self.firstTokens = firstTokens
        self.status = status
    }

    /// Nil unless the text is exactly what `text` gives.
    package init?(_ text: String) {
        let fields = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 11, fields[0] == Self.version, let minute = UTCMinute.parse(fields[4]), let status = MinuteStatus(rawValue: fields[10])
        else {
            return nil
        }
        let counts = fields[5..<10].compactMap { Int64($0) }
        guard counts.count == 5 else { return nil }
        self.init(
            tenant: fields[1], model: fields[2], region: fields[3], minute: minute, good: counts[0], bad: counts[1], excluded: counts[2],
            firstTokens: LatencyCounter(samples: counts[3], over: counts[4]), status: status)
        guard self.text == text else { return nil }
    }

    package var text: String {
        "\(Self.version)|\(tenant)|\(model)|\(region)|\(UTCMinute.text(minute))|\(good)|\(bad)|\(excluded)|\(firstTokens.samples)|\(firstTokens.over)|\(status.rawValue)"
    }

    package var hash: SHA256Digest { MerkleTree.leafHash(text.utf8) }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "|") }
    }
}

/// Minutes as evidence writes them, such as `2026-06-01T00:00Z`.
package enum UTCMinute {
    private static let perDay: Int64 = 1440

    package static func text(_ minute: Int64) -> String {
        let day = minute >= 0 ? minute / perDay : -((-minute + perDay - 1) / perDay)
        let month = BillingPeriod(microseconds: day * perDay * 60_000_000)
        let dayOfMonth = day - month.start / (perDay * 60_000_000) + 1
        let ofDay = minute - day * perDay
        return "\(month)-\(two(dayOfMonth))T\(two(ofDay / 60)):\(two(ofDay % 60))Z"
    }

    package static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 17, bytes[4] == UInt8(ascii: "-"), let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), (1...12).contains(month)
        else { return nil }
        let start = BillingPeriod(year: Int(year), month: Int(month)).start / 60_000_000
        let found = start + (day - 1) * perDay + hour * 60 + minute
        // Whatever is no such minute is written otherwise.
        return self.text(found) == text ? found : nil
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        digits.allSatisfy { (48...57).contains($0) } ? Int64(String(decoding: digits, as: UTF8.self)) : nil
    }
}

/// Whether a month's evidence is whole: a minute that is left out is seen.
package enum MonthEvidence {
    package static func minutes(_ month: BillingPeriod) -> Int64 { (month.end - month.start) / 60_000_000 }

    /// Minutes without a leaf, which count as `MinuteStatus.unmeasured`.
    package static func missing(_ month: BillingPeriod, leaves: Int64) -> Int64 { max(minutes(month) - leaves, 0) }
}
