import Domain
import FoundationEssentials
import PlimsollWire

/// Reads batches of minutes as gateways write them, in one pass over the bytes, and packs each of the counters as it is stored: after a minute's end there
/// are hundreds of thousands, and dictionaries of each take longer than all that is done with them. What is written otherwise, from an escape to a field of a
/// newer release, and a batch with counters that cannot be counted, is left to `WireCoder` and `MinuteSorting`, so that nothing is taken in another way.
struct MinuteReading {
    private struct Unusual: Error {}

    private let bytes: UnsafeRawBufferPointer
    private let times: ClosedRange<Int64>
    private var at = 0
    private var parts = CounterParts()
    private var buckets: [(index: Int64, count: Int64)] = []
    private var packed: [UInt8] = []
    private var rows: [(key: MinuteIntake.Key, sums: Range<Int>)] = []
    /// Outcomes that are known to count as something.
    private var outcomes: Set<String> = []

    private init(_ bytes: UnsafeRawBufferPointer, _ times: ClosedRange<Int64>) { (self.bytes, self.times) = (bytes, times) }

    /// Nil: it is written otherwise, has what cannot be counted, or is no batch.
    static func batch(_ bytes: UnsafeRawBufferPointer, at moment: Date = Date()) -> ToldBatch? {
        var reading = MinuteReading(bytes, MinuteSorting.times(at: moment))
        guard var batch = try? reading.batch(), reading.isAtEnd else { return nil }
        batch.count = reading.rows.count
        // Of two of the same the last counts, as in `MinuteSorting`.
        for row in reading.rows { batch.rows[row.key.minute, default: [:]][row.key] = PackedSums(bytes: reading.packed[row.sums]) }
        return batch
    }

    /// The members of an object of counts; nil: it is written otherwise.
    static func counts(_ bytes: UnsafeRawBufferPointer) -> [(name: UnsafeRawBufferPointer, count: Int64)]? {
        var (reading, counts): (MinuteReading, [(UnsafeRawBufferPointer, Int64)]) = (MinuteReading(bytes, 0...0), [])
        let isWhole = (try? reading.members { counts.append(($1, try $0.number())) }) != nil && reading.isAtEnd
        return isWhole ? counts : nil
    }

    private enum BatchField: String, CaseIterable {
        case boot, closes, gateway, minutes, sequence
        case firstTokens = "first_tokens"
    }

    private static let batchNames = FieldNames<BatchField>()
    private static let wholeBatch = batchNames.set(.boot, .gateway, .minutes, .sequence)

    private mutating func batch() throws -> ToldBatch {
        var batch = ToldBatch()
        try object(Self.batchNames, needing: Self.wholeBatch) { reading, field in
            switch field {
            case .boot: batch.boot = try reading.text()
            case .closes: batch.closes = try reading.flag()
            case .gateway: _ = try reading.plainString()
            case .sequence: batch.sequence = try reading.number()
            case .minutes: try reading.list { try $0.counters() }
            case .firstTokens: try reading.list { batch.firstTokens.append(try $0.firstTokens()) }
            }
        }
        return batch
    }

    private enum FirstTokenField: String, CaseIterable { case drill, model, over, region, samples, tier }

    private static let firstTokenNames = FieldNames<FirstTokenField>()
    private static let wholeFirstTokens = firstTokenNames.set(.model, .over, .region, .samples, .tier)

    private mutating func firstTokens() throws -> FirstTokenCount {
        var count = FirstTokenCount(tier: "", model: "", region: "", samples: 0, over: 0)
        try object(Self.firstTokenNames, needing: Self.wholeFirstTokens) { reading, field in
            switch field {
            case .drill: count.drill = try reading.flag()
            case .model: count.model = try reading.text()
            case .over: count.over = try reading.number()
            case .region: count.region = try reading.text()
            case .samples: count.samples = try reading.number()
            case .tier: count.tier = try reading.text()
            }
        }
        return count
    }

    private enum MinuteField: String, CaseIterable {
        case completionTokens = "completion_tokens"
        case disconnects, drill
        case firstTokenHistogram = "first_token_histogram"
        case firstTokenOver = "first_token_over"
        case firstTokenSamples = "first_token_samples"
        case lastTokenHistogram = "last_token_histogram"
        case lastTokenOver = "last_token_over"
        case lastTokenSamples = "last_token_samples"
        case longLastTokenHistogram = "long_last_token_histogram"
        case minute, model, outcomes
        case promptTokens = "prompt_tokens"
        case provider
        case queueHistogram = "queue_histogram"
        case rateLimited = "rate_limited"
        case region
        case retrievalHistogram = "retrieval_histogram"
        case retrievedFirstTokenHistogram = "retrieved_first_token_histogram"
        case retrievedLastTokenHistogram = "retrieved_last_token_histogram"
        case streams, tenant, tier
    }

    private static let minuteNames = FieldNames<MinuteField>()
    private static let wholeMinute = minuteNames.set(
        .minute, .tenant, .tier, .model, .region, .outcomes, .firstTokenSamples, .firstTokenOver, .promptTokens, .completionTokens, .rateLimited,
        .disconnects, .firstTokenHistogram)

    private mutating func counters() throws {
        parts.clear()
        try object(Self.minuteNames, needing: Self.wholeMinute) { reading, field in
            switch field {
            case .completionTokens: try reading.count(.completionTokens)
            case .disconnects: try reading.count(.disconnects)
            case .drill: reading.parts.key.drill = try reading.flag()
            case .firstTokenHistogram: try reading.histogram(.firstToken)
            case .firstTokenOver: try reading.count(.firstTokenOver)
            case .firstTokenSamples: try reading.count(.firstTokenSamples)
            case .lastTokenHistogram: try reading.histogram(.lastToken)
            case .lastTokenOver: try reading.count(.lastTokenOver)
            case .lastTokenSamples: try reading.count(.lastTokenSamples)
            case .longLastTokenHistogram: try reading.histogram(.longLastToken)
            case .minute: reading.parts.key.minute = try reading.number()
            case .model: reading.parts.key.model = try reading.text(127)
            case .outcomes: try reading.outcomeCounts()
            case .promptTokens: try reading.count(.promptTokens)
            case .provider: reading.parts.key.provider = try reading.text(63)
            case .queueHistogram: try reading.histogram(.queue)
            case .rateLimited: try reading.count(.rateLimited)
            case .region: reading.parts.key.region = try reading.text(63)
            case .retrievalHistogram: try reading.histogram(.retrieval)
            case .retrievedFirstTokenHistogram: try reading.histogram(.retrievedFirstToken)
            case .retrievedLastTokenHistogram: try reading.histogram(.retrievedLastToken)
            case .streams: try reading.count(.streams)
            case .tenant: reading.parts.key.tenant = try reading.identifier()
            case .tier: reading.parts.key.tier = try reading.text(63)
            }
        }
        guard parts.isCountable, times.contains(parts.key.minute) else { throw Unusual() }
        let first = packed.count
        parts.append(to: &packed)
        rows.append((parts.key, first..<packed.count))
    }

    private mutating func count(_ count: MinuteSums.Count) throws { parts[count] = try countNumber() }

    private mutating func countNumber() throws -> Int64 {
        let count = try number()
        guard count <= CounterParts.mostCount else { throw Unusual() }
        return count
    }

    private mutating func outcomeCounts() throws {
        var names: [String] = []
        try members { reading, bytes in
            let name = String(decoding: bytes, as: UTF8.self)
            guard names.count < CounterParts.mostOutcomes, bytes.count <= 64, !names.contains(name), reading.isKnown(name) else { throw Unusual() }
            names.append(name)
            reading.parts.outcomes.add(bytes, try reading.countNumber())
        }
    }

    private mutating func isKnown(_ outcome: String) -> Bool {
        if outcomes.contains(outcome) { return true }
        guard Outcome.Verdict(code: outcome) != nil else { return false }
        outcomes.insert(outcome)
        return true
    }

    private mutating func histogram(_ histogram: MinuteSums.Histogram) throws {
        buckets.removeAll(keepingCapacity: true)
        var isOrdered = true
        try members { reading, name in
            let index = try Self.digits(name)
            if let last = reading.buckets.last, last.index >= index { isOrdered = false }
            reading.buckets.append((index, try reading.number()))
        }
        // As texts they have another order.
        if !isOrdered { buckets.sort { $0.index < $1.index } }
        let comeOnce = isOrdered || zip(buckets, buckets.dropFirst()).allSatisfy { $0.index < $1.index }
        guard buckets.count <= CounterParts.mostBuckets, comeOnce else { throw Unusual() }
        for bucket in buckets { parts.add(histogram, bucket.index, bucket.count) }
    }

    private mutating func identifier() throws -> UUID {
        guard let identifier = UUID(text: try plainString()) else { throw Unusual() }
        return identifier
    }

    private mutating func text(_ most: Int) throws -> String {
        let bytes = try plainString()
        guard bytes.count <= most else { throw Unusual() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Tokens.
extension MinuteReading {
    private var isAtEnd: Bool {
        var rest = self
        rest.skipSpace()
        return rest.at == bytes.count
    }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    /// Whether the next token is this one, which is passed over then.
    private mutating func takes(_ byte: UInt8) -> Bool {
        if at < bytes.count, bytes[at] <= 0x20 { skipSpace() }
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard takes(byte) else { throw Unusual() }
    }

    private mutating func list(_ element: (inout MinuteReading) throws -> Void) throws {
        try expect(UInt8(ascii: "["))
        if takes(UInt8(ascii: "]")) { return }
        repeat { try element(&self) } while takes(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// Names as they are written.
    @inline(__always)
    private mutating func members(_ member: (inout MinuteReading, UnsafeRawBufferPointer) throws -> Void) throws {
        try expect(UInt8(ascii: "{"))
        if takes(UInt8(ascii: "}")) { return }
        repeat {
            let name = try plainString()
            try expect(UInt8(ascii: ":"))
            try member(&self, name)
        } while takes(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    @inline(__always)
    private mutating func object<Field>(
        _ names: FieldNames<Field>, needing needed: UInt32, _ member: (inout MinuteReading, Field) throws -> Void
    ) throws {
        var (last, seen): (Int, UInt32) = (-1, 0)
        try members { reading, name in
            guard let index = names.index(of: name, after: last), seen & (1 << UInt32(index)) == 0 else { throw Unusual() }
            (last, seen) = (index, seen | 1 << UInt32(index))
            try member(&reading, names.fields[index])
        }
        guard seen & needed == needed else { throw Unusual() }
    }

    /// Of ASCII without escapes.
    private mutating func plainString() throws -> UnsafeRawBufferPointer {
        try expect(UInt8(ascii: "\""))
        let first = at
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return UnsafeRawBufferPointer(rebasing: bytes[first..<at - 1])
            }
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { throw Unusual() }
            at += 1
        }
        throw Unusual()
    }

    private mutating func text() throws -> String { String(decoding: try plainString(), as: UTF8.self) }

    private mutating func flag() throws -> Bool {
        if at < bytes.count, bytes[at] <= 0x20 { skipSpace() }
        for (word, value) in [("true", true), ("false", false)] as [(StaticString, Bool)] {
            let end = at + word.utf8CodeUnitCount
            guard end <= bytes.count, bytes[at..<end].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)) else {
                continue
            }
            at = end
            return value
        }
        throw Unusual()
    }

    private mutating func number() throws -> Int64 {
        if at < bytes.count, bytes[at] <= 0x20 { skipSpace() }
        let first = at
        while at < bytes.count, (0x30...0x39).contains(bytes[at]) { at += 1 }
        guard at < bytes.count, ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[at]) else { throw Unusual() }
        return try Self.digits(UnsafeRawBufferPointer(rebasing: bytes[first..<at]))
    }

    /// A number that is not negative, in the only way in which it can be written.
    private static func digits(_ text: UnsafeRawBufferPointer) throws -> Int64 {
        guard (1...18).contains(text.count), text[0] != UInt8(ascii: "0") || text.count == 1 else { throw Unusual() }
        var value: Int64 = 0
        for byte in text {
            guard (0x30...0x39).contains(byte) else { throw Unusual() }
            value = value &* 10 &+ Int64(byte &- 0x30)
        }
        return value
    }
}

/// The fields of an object, found soonest in the order in which they are named: so they are written.
private struct FieldNames<Field: CaseIterable & RawRepresentable & Sendable & Equatable>: Sendable where Field.RawValue == String {
    let fields = Array(Field.allCases)
    private let names = Field.allCases.map { Array($0.rawValue.utf8) }

    func set(_ members: Field...) -> UInt32 {
        members.reduce(0) { set, member in set | (fields.firstIndex(of: member).map { 1 << UInt32($0) } ?? 0) }
    }

    func index(of name: UnsafeRawBufferPointer, after last: Int) -> Int? {
        var index = last + 1
        for _ in names.indices {
            if index == names.count { index = 0 }
            let known = names[index]
            if known.count == name.count, known.elementsEqual(name) { return index }
            index += 1
        }
        return nil
    }
}
