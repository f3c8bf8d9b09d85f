import Domain
import FoundationEssentials
import PlimsollWire

/// What a gateway told of minutes, by what becomes of it.
struct MinuteSorting {
    /// Why counters cannot be counted yet.
    enum Reason: String {
        /// An outcome of which nothing says what it counts as, or a field that only a newer release has: it may change what the others mean.
        case unknown
        /// Of a clock that is ahead.
        case future
        case tooOld = "too_old"
    }

    private static let oldest: Int64 = 50_400
    private static let newest: Int64 = 5

    /// Minutes that are counted at this moment.
    static func times(at moment: Date) -> ClosedRange<Int64> {
        let now = Int64(moment.timeIntervalSince1970 / 60)
        return now - oldest...now + newest
    }

    private(set) var rows: MinuteRows = [:]
    private(set) var aside: [(key: MinuteIntake.Key, counters: MinuteCounters, reason: Reason)] = []
    /// So many are no counts at all.
    private(set) var broken = 0

    init(_ minutes: [MinuteCounters], at moment: Date) {
        let times = Self.times(at: moment)
        for counters in minutes {
            guard let tenant = UUID(uuidString: counters.tenant), counters.isSound else {
                broken += 1
                continue
            }
            let key = MinuteIntake.Key(counters, tenant: tenant)
            if let reason = Self.reason(counters, times) {
                aside.append((key, counters, reason))
            } else {
                rows[key.minute, default: [:]][key] = PackedSums(MinuteSums(counters))
            }
        }
    }

    private static func reason(_ counters: MinuteCounters, _ times: ClosedRange<Int64>) -> Reason? {
        if counters.minute > times.upperBound { return .future }
        if counters.minute < times.lowerBound { return .tooOld }
        let isKnown = counters.unknown == nil && counters.outcomes.keys.allSatisfy { Outcome.Verdict(code: $0) != nil }
        return isKnown ? nil : .unknown
    }
}

extension MinuteCounters {
    /// Counts that can be, of something with names that can be stored.
    fileprivate var isSound: Bool {
        let optional = [streams, lastTokenSamples, lastTokenOver].compactMap(\.self)
        let counts = [firstTokenSamples, firstTokenOver, promptTokens, completionTokens, rateLimited, disconnects] + optional + outcomes.values
        let times = [firstTokenHistogram, queueHistogram, lastTokenHistogram, longLastTokenHistogram]
        let retrieved = [retrievalHistogram, retrievedFirstTokenHistogram, retrievedLastTokenHistogram]
        let histograms = (times + retrieved).compactMap(\.self)
        return counts.allSatisfy { (0...(1 << 48)).contains($0) } && firstTokenOver <= firstTokenSamples
            && (lastTokenOver ?? 0) <= (lastTokenSamples ?? 0) && outcomes.count <= 64 && (0...(1 << 32)).contains(minute)
            && histograms.allSatisfy { $0.count <= 4_096 && $0.values.allSatisfy { $0 >= 0 } } && hasStorableNames
            && hasStorableRest
    }

    /// What is unknown is not great, and nothing in it is what the database takes for no text.
    private var hasStorableRest: Bool {
        guard let unknown else { return true }
        guard let text = try? WireCoder.encode(unknown), text.count <= Self.mostUnknownBytes else { return false }
        return text.firstRange(of: #"\u0000"#.utf8) == nil
    }

    private static var mostUnknownBytes: Int { 16_384 }

    private var hasStorableNames: Bool {
        let names = [(model, 127), (region, 63), (tier, 63), (provider ?? "", 63)] + outcomes.keys.map { ($0, 64) }
        return names.allSatisfy { name, limit in name.unicodeScalars.count <= limit && !name.unicodeScalars.contains("\0") }
    }
}
