import FoundationEssentials
import PlimsollWire

/// Counters of minutes as bytes, a fifth of their JSON: numbers in seven bits a byte, the lowest first and the last byte below 128; texts by their length in
/// bytes. After the number of the form come the counters, each: tenant (16 bytes), whether a drill made it, tier, model, region, provider, number of the
/// batch that told it last, outcomes (how many; name, count), nine counts, seven histograms (how many; index, count), in the order of `MinuteSums`.
struct PackedMinutes {
    struct Damaged: Error {}

    static let form: UInt8 = 1

    private(set) var bytes = [PackedMinutes.form]

    mutating func add(_ key: MinuteIntake.Key, _ sequence: Int64, _ sums: MinuteSums) {
        withUnsafeBytes(of: key.tenant.uuid) { bytes.append(contentsOf: $0) }
        bytes.append(key.drill ? 1 : 0)
        for text in [key.tier, key.model, key.region, key.provider] { add(text) }
        add(sequence)
        add(Int64(sums.outcomes.count))
        for (name, count) in sums.outcomes.sorted(by: { $0.key < $1.key }) {
            add(name)
            add(count)
        }
        sums.counts.forEach { add($0) }
        for histogram in sums.histograms {
            add(Int64(histogram.count))
            for (index, count) in histogram.sorted(by: { $0.key < $1.key }) {
                add(Int64(index))
                add(count)
            }
        }
    }

    private mutating func add(_ text: String) {
        add(Int64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func add(_ number: Int64) {
        var rest = UInt64(bitPattern: number)
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// - Parameter minute: Of all of them.
    static func read(_ bytes: [UInt8], minute: Int64, _ body: (MinuteIntake.Key, Int64, MinuteSums) -> Void) throws {
        var reader = Reader(bytes: bytes)
        guard try reader.byte() == form else { throw Damaged() }
        while !reader.isAtEnd {
            let (tenant, isDrill) = (try reader.tenant(), try reader.byte() == 1)
            let (tier, model, region, provider) = (try reader.text(), try reader.text(), try reader.text(), try reader.text())
            let key = MinuteIntake.Key(
                tenant: tenant, model: model, region: region, minute: minute, tier: tier, provider: provider, drill: isDrill)
            let sequence = try reader.number()
            body(key, sequence, try reader.sums())
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func byte() throws -> UInt8 {
            guard at < bytes.count else { throw Damaged() }
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
                guard shift < 64 else { throw Damaged() }
            }
        }

        /// Of something of which each part takes a byte at least.
        mutating func size() throws -> Int {
            let size = try number()
            guard (0...Int64(bytes.count - at)).contains(size) else { throw Damaged() }
            return Int(size)
        }

        mutating func text() throws -> String {
            let end = try size() + at
            defer { at = end }
            return String(decoding: bytes[at..<end], as: UTF8.self)
        }

        mutating func sums() throws -> MinuteSums {
            var outcomes: [String: Int64] = [:]
            for _ in 0..<(try size()) { outcomes[try text()] = try number() }
            var counts: [Int64] = []
            for _ in 0..<MinuteSums.counts { counts.append(try number()) }
            var histograms: [[Int: Int64]] = []
            for _ in 0..<MinuteSums.histograms {
                var histogram: [Int: Int64] = [:]
                for _ in 0..<(try size()) { histogram[Int(try number())] = try number() }
                histograms.append(histogram)
            }
            return MinuteSums(outcomes: outcomes, counts: counts, histograms: histograms)
        }

        mutating func tenant() throws -> UUID {
            guard at + 16 <= bytes.count else { throw Damaged() }
            defer { at += 16 }
            return bytes[at..<at + 16].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
        }
    }
}
