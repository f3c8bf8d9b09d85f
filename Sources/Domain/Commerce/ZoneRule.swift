/// A rule for all years to come, as POSIX writes it in TZ (and RFC 8536 in its footer): `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule: Sendable {
    private enum Day {
        /// 1 to 365, never 29 February.
        case julian(Int)
        /// 0 to 365.
        case ofYear(Int)
        /// The n-th such weekday of a month; the fifth is the last.
        case weekday(month: Int, week: Int, day: Int)
    }

    private struct Moment {
        var day: Day
        /// Seconds of local time after midnight; may lie in another day.
        var time: Int64
    }

    private struct Saving {
        var offset: Int64
        var begins: Moment
        var ends: Moment
    }

    private let standard: Int64
    private let saving: Saving?

    init?(_ text: String) {
        var reader = RuleReader(text)
        guard reader.takeName(), let standard = reader.takeOffset() else { return nil }
        self.standard = -standard
        guard !reader.isAtEnd else {
            saving = nil
            return
        }
        guard reader.takeName() else { return nil }
        let offset = reader.next == UInt8(ascii: ",") ? -standard + 3600 : reader.takeOffset().map { -$0 }
        guard let offset, let begins = Self.moment(&reader), let ends = Self.moment(&reader), reader.isAtEnd else { return nil }
        saving = Saving(offset: offset, begins: begins, ends: ends)
    }

    private static func moment(_ reader: inout RuleReader) -> Moment? {
        guard reader.take(","), let day = day(&reader) else { return nil }
        guard reader.take("/") else { return Moment(day: day, time: 7200) }
        return reader.takeOffset().map { Moment(day: day, time: $0) }
    }

    private static func day(_ reader: inout RuleReader) -> Day? {
        if reader.take("J") { return reader.takeNumber().map { .julian($0) } }
        guard reader.take("M") else { return reader.takeNumber().map { .ofYear($0) } }
        guard let month = reader.takeNumber(), (1...12).contains(month), reader.take("."), let week = reader.takeNumber(), (1...5).contains(week),
            reader.take("."), let day = reader.takeNumber(), (0...6).contains(day)
        else { return nil }
        return .weekday(month: month, week: week, day: day)
    }

    func offset(at instant: Int64) -> Int64 {
        guard let saving else { return standard }
        let year = BillingPeriod(microseconds: (instant + standard) * 1_000_000).year
        let begins = Self.start(saving.begins, year) - standard
        let ends = Self.start(saving.ends, year) - saving.offset
        // South of the equator it ends before it begins.
        let isSaving = begins < ends ? (begins..<ends).contains(instant) : !(ends..<begins).contains(instant)
        return isSaving ? saving.offset : standard
    }

    /// Seconds since 1970, were local time UTC.
    private static func start(_ moment: Moment, _ year: Int) -> Int64 {
        let january = BillingPeriod(year: year, month: 1).start / 1_000_000
        let isLeap = BillingPeriod(year: year, month: 2).end - BillingPeriod(year: year, month: 2).start == 29 * 86_400_000_000
        let day: Int64
        switch moment.day {
        case .julian(let number): day = Int64(number - 1 + (isLeap && number > 59 ? 1 : 0))
        case .ofYear(let number): day = Int64(number)
        case .weekday(let month, let week, let weekday):
            let period = BillingPeriod(year: year, month: month)
            let (first, next) = (period.start / 86_400_000_000, period.end / 86_400_000_000)
            // 1 January 1970 was a Thursday.
            let lead = (Int64(weekday) - (first + 4) % 7 + 14) % 7
            var found = first + lead + Int64(week - 1) * 7
            while found >= next { found -= 7 }
            return found * 86_400 + moment.time
        }
        return january + day * 86_400 + moment.time
    }
}

private struct RuleReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = Substring(text).utf8
    }

    var isAtEnd: Bool { rest.isEmpty }
    var next: UInt8? { rest.first }

    mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: sign) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Three letters at least, or anything in angle brackets.
    mutating func takeName() -> Bool {
        if take("<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[end...].dropFirst()
            return true
        }
        let letters = rest.prefix { (65...90).contains($0 & 0xDF) }
        rest = rest.dropFirst(letters.count)
        return letters.count >= 3
    }

    mutating func takeNumber() -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...3).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// Seconds: hours, and perhaps minutes and seconds, with a sign.
    mutating func takeOffset() -> Int64? {
        let isNegative = take("-")
        if !isNegative { _ = take("+") }
        guard let hours = takeNumber(), hours <= 167 else { return nil }
        var seconds = Int64(hours) * 3600
        for unit: Int64 in [60, 1] where take(":") {
            guard let part = takeNumber(), part < 60 else { return nil }
            seconds += Int64(part) * unit
        }
        return isNegative ? -seconds : seconds
    }
}
