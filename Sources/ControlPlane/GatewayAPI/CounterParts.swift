import Domain
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
    private(set) var counts = noCounts
    var outcomes = Counted()
    private(set) var histograms = [Counted](repeating: Counted(), count: MinuteSums.histograms)

    mutating func clear() {
        (key, counts) = (Self.nothing, Self.noCounts)
        outcomes.clear()
        for index in histograms.indices { histograms[index].clear() }
    }

    subscript(_ count: MinuteSums.Count) -> Int64 {
        get { counts[count.rawValue] }
        set { counts[count.rawValue] = newValue }
    }

    mutating func add(_ histogram: MinuteSums.Histogram, _ index: Int64, _ count: Int64) { histograms[histogram.rawValue].add(index, count) }

    /// No more are late than there are.
    var isCountable: Bool { self[.firstTokenOver] <= self[.firstTokenSamples] && self[.lastTokenOver] <= self[.lastTokenSamples] }

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
        guard let words = RequestId(ascii: text) else { return nil }
        self = withUnsafeBytes(of: (words.high.bigEndian, words.low.bigEndian)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
