import Domain
import PlimsollWire

/// The minutes of this start of the gateway, cumulative, and which of them the control plane does not have yet.
///
/// The control plane replaces an earlier report of the same boot, so a minute is sent whole each time it has changed.
struct MinuteLedger {
    /// Minutes for which late ends are still counted; the longest request is shorter.
    static let lateMinutes: Int64 = 120
    /// Minutes in which most requests that began in them have ended.
    static let freshMinutes: Int64 = 3
    static let cellLimit = 200_000
    /// Bytes of a batch as JSON, about: what the control plane takes, less what the guess may be wrong by.
    static let batchBytes = MinuteBatch.mostBytes * 5 / 6

    private let keptMinutes: Int64
    private var cells: [MinuteKey: MinuteCell] = [:]
    private var changed: Set<MinuteKey> = []
    private(set) var dropped = 0

    /// - Parameter keptMinutes: What is older is not counted any more.
    init(keptMinutes: Int64) {
        self.keptMinutes = keptMinutes
    }

    var isClean: Bool { changed.isEmpty }

    /// Adds what the loops have counted. What is older than the kept minutes or beyond the bound is dropped and counted as dropped.
    mutating func add(_ counted: [MinuteKey: MinuteCell], nowMinute: Int64) {
        for (key, cell) in counted {
            let isKnown = cells[key] != nil
            guard isKnown || (key.minute > nowMinute - keptMinutes && cells.count < Self.cellLimit) else {
                dropped += 1
                continue
            }
            cells[key, default: MinuteCell()].add(cell)
            changed.insert(key)
        }
        cells = cells.filter { $0.key.minute > nowMinute - keptMinutes || changed.contains($0.key) }
    }

    /// Changed minutes, oldest first, at most so many and one batch. They count as sent; `restore` takes that back.
    mutating func take(_ most: Int) -> [MinuteKey] {
        var bytes = 0
        let keys = changed.sorted { $0.minute < $1.minute }.prefix(most).prefix { key in
            bytes += cells[key].map { key.bytes + $0.bytes } ?? 0
            return bytes <= Self.batchBytes
        }
        changed.subtract(keys)
        return Array(keys)
    }

    mutating func restore(_ keys: [MinuteKey]) {
        changed.formUnion(keys)
    }

    func counters(_ keys: [MinuteKey]) -> [MinuteCounters] {
        keys.compactMap { key in cells[key].map { MinuteCounters(key, $0) } }
    }
}

extension MinuteKey {
    fileprivate var bytes: Int {
        [subject.tenant, subject.tier, subject.model, subject.region, subject.provider].reduce(0) { $0 + $1.utf8.count }
    }
}

extension MinuteCell {
    private static let (namesBytes, bucketBytes) = (560, 16)

    /// As JSON, about.
    fileprivate var bytes: Int {
        let times = [histogram, queue, lastTokenHistogram, longLastTokenHistogram, retrieval, retrievedFirstToken, retrievedLastToken]
        return Self.namesBytes + times.reduce(0) { $0 + $1.counts.count * Self.bucketBytes }
    }
}
