import FoundationEssentials
import PlimsollWire

/// Of each minute what was told of it.
typealias MinuteRows = [Int64: [MinuteIntake.Key: PackedSums]]

/// A batch of what a gateway counted, with what can be counted in packed form, as it is stored.
struct ToldBatch {
    var boot = ""
    var sequence: Int64 = 0
    var closes: Bool?
    var firstTokens: [FirstTokenCount] = []
    /// Of all its counters.
    var count = 0
    var rows: MinuteRows = [:]
    var aside: [(key: MinuteIntake.Key, counters: MinuteCounters, reason: MinuteSorting.Reason)] = []
    /// So many are no counts at all.
    var broken = 0

    init() {}

    init(_ batch: MinuteBatch, at moment: Date) {
        (boot, sequence, closes) = (batch.boot, batch.sequence, batch.closes)
        firstTokens = batch.firstTokens ?? []
        count = batch.minutes.count
        let sorted = MinuteSorting(batch.minutes, at: moment)
        (rows, aside, broken) = (sorted.rows, sorted.aside, sorted.broken)
    }
}
