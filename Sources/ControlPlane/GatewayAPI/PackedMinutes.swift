import FoundationEssentials
import PlimsollWire

/// Counters of minutes as bytes, a fifth of their JSON: numbers in seven bits a byte, the lowest first and the last byte below 128; texts by their length in
/// bytes. After the number of the form come the counters, each: tenant (16 bytes), whether a drill made it, tier, model, region, provider, number of the
/// batch that told it last, outcomes (how many; name, count), nine counts, seven histograms (how many; index, count), in the order of `MinuteSums`.
struct PackedMinutes {
    struct Damaged: Error {}

    static let form: UInt8 = 1

    private(set) var bytes = [PackedMinutes.form]

    mutating func add(_ key: MinuteIntake.Key, _ sequence: Int64, _ sums: PackedSums) {
        withUnsafeBytes(of: key.tenant.uuid) { bytes.append(contentsOf: $0) }
        bytes.append(key.drill ? 1 : 0)
        for text in [key.tier, key.model, key.region, key.provider] { bytes.pack(text.utf8) }
        bytes.pack(sequence)
        bytes.append(contentsOf: sums.bytes)
    }

    /// - Parameter minute: Of all of them.
    static func read(_ bytes: [UInt8], minute: Int64, _ body: (MinuteIntake.Key, Int64, PackedSums) -> Void) throws {
        var reader = PackedReader(bytes[...])
        guard try reader.byte() == form else { throw Damaged() }
        while !reader.isAtEnd {
            let (tenant, isDrill) = (try reader.tenant(), try reader.byte() == 1)
            let (tier, model, region, provider) = (try reader.text(), try reader.text(), try reader.text(), try reader.text())
            let key = MinuteIntake.Key(
                tenant: tenant, model: model, region: region, minute: minute, tier: tier, provider: provider, drill: isDrill)
            let sequence = try reader.number()
            let first = reader.at
            try reader.passSums()
            body(key, sequence, PackedSums(bytes: bytes[first..<reader.at]))
        }
    }
}

/// The sums of one of the counters, as they are packed. What is read once is not taken apart before it is added to something.
struct PackedSums: Sendable {
    let bytes: ArraySlice<UInt8>

    init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    init(_ sums: MinuteSums) {
        var bytes: [UInt8] = []
        bytes.pack(Int64(sums.outcomes.count))
        for (name, count) in sums.outcomes.sorted(by: { $0.key < $1.key }) {
            bytes.pack(name.utf8)
            bytes.pack(count)
        }
        sums.counts.forEach { bytes.pack($0) }
        for histogram in sums.histograms {
            bytes.pack(Int64(histogram.count))
            for (index, count) in histogram {
                bytes.pack(Int64(index))
                bytes.pack(count)
            }
        }
        self.bytes = bytes[...]
    }

    /// - Throws: `PackedMinutes.Damaged`.
    func sums() throws -> MinuteSums {
        var sums = MinuteSums.none
        try sums.add(self)
        return sums
    }
}

extension MinuteSums {
    /// - Parameter sign: -1 takes them out.
    /// - Throws: `PackedMinutes.Damaged`; a part may have been added then.
    mutating func add(_ packed: PackedSums, _ sign: Int64 = 1) throws {
        var reader = PackedReader(packed.bytes)
        for _ in 0..<(try reader.size()) { add(outcome: try reader.text(), sign &* (try reader.number())) }
        for index in 0..<Self.counts { add(count: index, sign &* (try reader.number())) }
        for histogram in 0..<Self.histograms {
            var place = 0
            for _ in 0..<(try reader.size()) { add(histogram, bucket: Int(try reader.number()), sign &* (try reader.number()), at: &place) }
        }
    }
}

extension [UInt8] {
    mutating func pack(_ number: Int64) {
        var rest = UInt64(bitPattern: number)
        while rest >= 128 {
            append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func pack(_ text: some Collection<UInt8>) {
        pack(Int64(text.count))
        append(contentsOf: text)
    }
}

private struct PackedReader {
    let bytes: ArraySlice<UInt8>
    private(set) var at: Int

    init(_ bytes: ArraySlice<UInt8>) { (self.bytes, at) = (bytes, bytes.startIndex) }

    var isAtEnd: Bool { at == bytes.endIndex }

    mutating func byte() throws -> UInt8 {
        guard at < bytes.endIndex else { throw PackedMinutes.Damaged() }
        at += 1
        return bytes[at - 1]
    }

    mutating func number() throws -> Int64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while true {
            let next = try byte()
            value |= UInt64(next & 127) << shift
            if next < 128 { return Int64(bitPattern: value) }
            shift += 7
            guard shift < 64 else { throw PackedMinutes.Damaged() }
        }
    }

    /// Of something of which each part takes a byte at least.
    mutating func size() throws -> Int {
        let size = try number()
        guard (0...Int64(bytes.endIndex - at)).contains(size) else { throw PackedMinutes.Damaged() }
        return Int(size)
    }

    mutating func text() throws -> String {
        let end = try size() + at
        defer { at = end }
        return String(decoding: bytes[at..<end], as: UTF8.self)
    }

    mutating func passSums() throws {
        for _ in 0..<(try size()) {
            let length = try size()
            at += length
            _ = try number()
        }
        for _ in 0..<MinuteSums.counts { _ = try number() }
        for _ in 0..<MinuteSums.histograms {
            for _ in 0..<2 * (try size()) { _ = try number() }
        }
    }

    mutating func tenant() throws -> UUID {
        guard at + 16 <= bytes.endIndex else { throw PackedMinutes.Damaged() }
        defer { at += 16 }
        return bytes[at..<at + 16].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
