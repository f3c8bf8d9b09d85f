import Domain

/// Times of the cases: RFC 3339 with up to six decimals and an offset.
enum CaseInstant {
    static func microseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]), (1...12).contains(month)
        else { return nil }
        var rest = bytes[19...]
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (48...57).contains($0) }
            guard (1...6).contains(digits.count), let value = number(digits) else { return nil }
            fraction = (digits.count..<6).reduce(value) { value, _ in value * 10 }
            rest = rest.dropFirst(1 + digits.count)
        }
        guard let offset = offsetMinutes(rest) else { return nil }
        let days = BillingPeriod(year: Int(year), month: Int(month)).start / 86_400_000_000 + day - 1
        return (days * 86_400 + hour * 3600 + (minute - offset) * 60 + second) * 1_000_000 + fraction
    }

    private static func offsetMinutes(_ bytes: ArraySlice<UInt8>) -> Int64? {
        if bytes.elementsEqual("Z".utf8) { return 0 }
        let zone = Array(bytes)
        guard zone.count == 6, let hours = number(zone[1..<3]), let minutes = number(zone[4..<6]) else { return nil }
        return (zone[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        Int64(String(decoding: digits, as: UTF8.self))
    }

    /// Whole seconds, in UTC.
    static func text(_ microseconds: Int64) -> String {
        let (minute, second) = (microseconds / 60_000_000, microseconds / 1_000_000 % 60)
        return UTCMinute.text(minute).dropLast() + (second < 10 ? ":0" : ":") + "\(second)Z"
    }
}
