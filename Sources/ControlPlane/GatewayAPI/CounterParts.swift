import FoundationEssentials

/// What is read of counters, until all of it is known; its memory serves the next ones.
struct CounterParts {
    struct Counted {
        private(set) var size: Int64 = 0
        private(set) var bytes: [UInt8] = []

        mutating func clear() {
            size = 0
            bytes.removeAll(keepingCapacity: true)
        }

        mutating func add(_ name: UnsafeRawBufferPointer, _ count: Int64) {
            size += 1
            bytes.pack(name)
            bytes.pack(count)
        }

        mutating func add(_ index: Int64, _ count: Int64) {
            size += 1
            bytes.pack(index)
            bytes.pack(count)
        }
    }

    private static let nothing = MinuteIntake.Key(
        tenant: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), model: "", region: "", minute: 0, tier: "", provider: "", drill: false)
    private static let noCounts = [Int64](repeating: 0, count: MinuteSums.counts)

    /// The bounds of `MinuteSorting`.
    static let mostCount: Int64 = 1 << 48
    static let (mostOutcomes, mostBuckets) = (64, 4_096)

    var key = nothing
    var counts = noCounts
    var outcomes = Counted()
    var histograms = [Counted](repeating: Counted(), count: MinuteSums.histograms)

    mutating func clear() {
        (key, counts) = (Self.nothing, Self.noCounts)
        outcomes.clear()
        for index in histograms.indices { histograms[index].clear() }
    }

    /// No more are late than there are.
    var isCountable: Bool { counts[1] <= counts[0] && counts[8] <= counts[7] }

    func append(to packed: inout [UInt8]) {
        packed.pack(outcomes.size)
        packed.append(contentsOf: outcomes.bytes)
        for count in counts { packed.pack(count) }
        for histogram in histograms {
            packed.pack(histogram.size)
            packed.append(contentsOf: histogram.bytes)
        }
    }
}

extension UUID {
    /// Of 36 characters; nil: it is written otherwise, or is none.
    init?(text: UnsafeRawBufferPointer) {
        guard text.count == 36 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in text.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Self.digit(byte) else { return nil }
            if digits < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
            digits += 1
        }
        self = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
