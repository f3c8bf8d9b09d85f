/// The offsets of a time zone, read from a TZif file (RFC 8536), for contracts whose months begin at local midnight.
package struct ZoneRules: Sendable {
    private struct Change {
        var at: Int64
        var offset: Int64
    }

    private let first: Int64
    private let changes: [Change]
    /// What holds after the last change.
    private let rule: ZoneRule?

    package static let utc = ZoneRules()

    private init() {
        (first, changes, rule) = (0, [], nil)
    }

    /// Nil when the bytes are no such file of version 2 or later.
    package init?(tzif bytes: [UInt8]) {
        guard let old = TZifHeader(bytes, at: 0), old.version >= UInt8(ascii: "2"), let header = TZifHeader(bytes, at: old.size(of: 4)) else {
            return nil
        }
        let start = old.size(of: 4) + TZifHeader.bytes
        let (times, kinds) = (start, start + header.times * 8)
        let types = kinds + header.times
        let footer = old.size(of: 4) + header.size(of: 8)
        guard header.types > 0, bytes.count >= footer else { return nil }
        func offset(_ type: Int) -> Int64? {
            type < header.types ? Int64(Int32(truncatingIfNeeded: TZifHeader.number(bytes, types + type * 6, 4))) : nil
        }
        var changes: [Change] = []
        for index in 0..<header.times {
            guard let offset = offset(Int(bytes[kinds + index])) else { return nil }
            changes.append(Change(at: TZifHeader.number(bytes, times + index * 8, 8), offset: offset))
        }
        guard let first = offset(0), changes.map(\.at) == changes.map(\.at).sorted() else { return nil }
        self.first = first
        self.changes = changes
        let text = String(decoding: bytes[footer...].drop { $0 == UInt8(ascii: "\n") }.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        rule = ZoneRule(text)
    }

    /// Seconds east of UTC at an instant, seconds since 1970.
    package func offset(at instant: Int64) -> Int64 {
        if let rule, changes.last.map({ instant >= $0.at }) ?? true { return rule.offset(at: instant) }
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].at <= instant { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : changes[low - 1].offset
    }

    /// The first instant, seconds since 1970, at which it is local midnight of the month's first day or later.
    package func start(of month: BillingPeriod) -> Int64 {
        let local = month.start / 1_000_000
        // Offsets are below a day; among those that hold around then is the one that holds at midnight.
        let candidates = Set([local - 86_400, local, local + 86_400].map { offset(at: $0) })
        return candidates.map { local - $0 }.filter { $0 + offset(at: $0) >= local }.min() ?? local
    }

    /// Real elapsed minutes of a local month.
    package func minutes(of month: BillingPeriod) -> Int64 {
        (start(of: BillingPeriod(microseconds: month.end)) - start(of: month)) / 60
    }
}

private struct TZifHeader {
    static let bytes = 44
    let version: UInt8
    let (isUTC, isStandard, leaps, times, types, letters): (Int, Int, Int, Int, Int, Int)

    init?(_ file: [UInt8], at offset: Int) {
        guard file.count >= offset + Self.bytes, file[offset..<offset + 4].elementsEqual("TZif".utf8) else { return nil }
        version = file[offset + 4]
        let counts = (0..<6).map { Int(Self.number(file, offset + 20 + 4 * $0, 4)) }
        guard counts.allSatisfy({ (0...1_000_000).contains($0) }) else { return nil }
        (isUTC, isStandard, leaps, times, types, letters) = (counts[0], counts[1], counts[2], counts[3], counts[4], counts[5])
    }

    /// Of the header and its block, whose times have so many bytes.
    func size(of width: Int) -> Int {
        Self.bytes + times * width + times + types * 6 + letters + leaps * (width + 4) + isStandard + isUTC
    }

    /// Big-endian.
    static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64 {
        Int64(bitPattern: bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) })
    }
}
