import NIOCore
import Synchronization

/// Counters of the spool, for metrics and alarms. Read from any thread.
package final class SpoolStatistics: Sendable {
    let records = Atomic<Int>(0)
    let writes = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let refusedRecords = Atomic<Int>(0)
    let writeFailures = Atomic<Int>(0)
    let syncFailures = Atomic<Int>(0)
    let loopsRefusing = Atomic<Int>(0)
    let shipped = Atomic<Int>(0)
    let shipFailures = Atomic<Int>(0)
    let damagedRegions = Atomic<Int>(0)
    let droppedMinuteCounts = Atomic<Int>(0)
    private let allShippedAt = Atomic<UInt64>(NIODeadline.now().uptimeNanoseconds)

    package struct Snapshot: Sendable, Equatable {
        package var records: Int
        package var writes: Int
        package var bytes: Int
        /// Records that the disk did not take; their requests were answered 503.
        package var refusedRecords: Int
        package var writeFailures: Int
        package var syncFailures: Int
        /// Loops that admit nothing at the moment because the disk is full or broken. Above 0: someone must act.
        package var loopsRefusing: Int
        package var shipped: Int
        package var shipFailures: Int
        package var damagedRegions: Int
        package var droppedMinuteCounts: Int
    }

    init() {}

    func noteAllShipped() {
        allShippedAt.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }

    /// Seconds since the shipper last found nothing left to ship: no record on the disk is unacknowledged for longer.
    var unshippedAge: Double {
        let (now, then) = (NIODeadline.now().uptimeNanoseconds, allShippedAt.load(ordering: .relaxed))
        return now > then ? Double(now - then) * 1e-9 : 0
    }

    package var snapshot: Snapshot {
        Snapshot(
            records: records.load(ordering: .relaxed), writes: writes.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            refusedRecords: refusedRecords.load(ordering: .relaxed), writeFailures: writeFailures.load(ordering: .relaxed),
            syncFailures: syncFailures.load(ordering: .relaxed), loopsRefusing: loopsRefusing.load(ordering: .relaxed),
            shipped: shipped.load(ordering: .relaxed), shipFailures: shipFailures.load(ordering: .relaxed),
            damagedRegions: damagedRegions.load(ordering: .relaxed), droppedMinuteCounts: droppedMinuteCounts.load(ordering: .relaxed))
    }
}
