import PlimsollWire

/// Reads batches of minutes as gateways write them, in one pass over the bytes: after a minute's end there are hundreds of thousands of counters, and
/// `Codable` takes longer over each than all that is done with it. What is written otherwise, from an escape to a field of a newer release, is left to
/// `WireCoder`, so that nothing is read in another way than there.
struct MinuteReading {
    private struct Unusual: Error {}

    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Nil: it is written otherwise, or is no batch.
    static func batch(_ bytes: UnsafeRawBufferPointer) -> MinuteBatch? {
        var reading = MinuteReading(bytes)
        guard let batch = try? reading.batch(), reading.isAtEnd else { return nil }
        return batch
    }

    private enum BatchField: String, CaseIterable {
        case boot, closes, gateway, minutes, sequence
        case firstTokens = "first_tokens"
    }

    private static let batchNames = FieldNames<BatchField>()
    private static let wholeBatch = batchNames.set(.boot, .gateway, .minutes, .sequence)

    private mutating func batch() throws -> MinuteBatch {
        var batch = MinuteBatch(gateway: "", boot: "", sequence: 0, minutes: [])
        try object(Self.batchNames, needing: Self.wholeBatch) { reading, field in
            switch field {
            case .boot: batch.boot = try reading.text()
            case .closes: batch.closes = try reading.flag()
            case .gateway: batch.gateway = try reading.text()
            case .sequence: batch.sequence = try reading.number()
            case .minutes: try reading.list { batch.minutes.append(try $0.minute()) }
            case .firstTokens:
                var counts: [FirstTokenCount] = []
                try reading.list { counts.append(try $0.firstTokens()) }
                batch.firstTokens = counts
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

    private mutating func minute() throws -> MinuteCounters {
        var told = MinuteCounters(minute: 0, tenant: "", tier: "", model: "", region: "")
        try object(Self.minuteNames, needing: Self.wholeMinute) { reading, field in
            switch field {
            case .completionTokens: told.completionTokens = try reading.number()
            case .disconnects: told.disconnects = try reading.number()
            case .drill: told.drill = try reading.flag()
            case .firstTokenHistogram: told.firstTokenHistogram = try reading.histogram()
            case .firstTokenOver: told.firstTokenOver = try reading.number()
            case .firstTokenSamples: told.firstTokenSamples = try reading.number()
            case .lastTokenHistogram: told.lastTokenHistogram = try reading.histogram()
            case .lastTokenOver: told.lastTokenOver = try reading.number()
            case .lastTokenSamples: told.lastTokenSamples = try reading.number()
            case .longLastTokenHistogram: told.longLastTokenHistogram = try reading.histogram()
            case .minute: told.minute = try reading.number()
            case .model: told.model = try reading.text()
            case .outcomes: told.outcomes = try reading.outcomes()
            case .promptTokens: told.promptTokens = try reading.number()
            case .provider: told.provider = try reading.text()
            case .queueHistogram: told.queueHistogram = try reading.histogram()
            case .rateLimited: told.rateLimited = try reading.number()
            case .region: told.region = try reading.text()
            case .retrievalHistogram: told.retrievalHistogram = try reading.histogram()
            case .retrievedFirstTokenHistogram: told.retrievedFirstTokenHistogram = try reading.histogram()
            case .retrievedLastTokenHistogram: told.retrievedLastTokenHistogram = try reading.histogram()
            case .streams: told.streams = try reading.number()
            case .tenant: told.tenant = try reading.text()
            case .tier: told.tier = try reading.text()
            }
        }
        return told
    }

    private mutating func outcomes() throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        try members { reading, name in
            guard counts.updateValue(try reading.number(), forKey: String(decoding: name, as: UTF8.self)) == nil else { throw Unusual() }
        }
        return counts
    }

    private mutating func histogram() throws -> [Int: Int64] {
        var counts: [Int: Int64] = [:]
        try members { reading, name in
            let index = Int(try Self.digits(name))
            guard counts.updateValue(try reading.number(), forKey: index) == nil else { throw Unusual() }
        }
        return counts
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
        while at < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
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
