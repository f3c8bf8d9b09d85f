package import Domain
package import NIOCore
import NIOPosix
import Reactor

/// Told, on its event loop, what became of the records it asked for.
package protocol MeterWaiter: AnyObject {
    /// - Parameters:
    ///   - tag: The number given with the record.
    ///   - succeeded: False when the disk refused it: an admission must then be answered 503, an answer must not be finished as whole.
    func meterWrote(tag: UInt32, succeeded: Bool)
}

/// Meters the requests of one event loop. Every call is made on that loop; waiters are told there, at the end of the turn.
///
/// What one turn produces is written by one call: the turn's first record schedules the write at its end.
package final class LoopMeter {
    struct Entry {
        let waiter: any MeterWaiter
        let tag: UInt32
        /// Where the record ends among the turn's bytes; an admission that was refused at once adds none.
        let end: Int
        let sequence: Int64
        let isFinal: Bool
        let isRefused: Bool
    }

    package let eventLoop: any EventLoop
    let spool: Spool
    private let log: SegmentLog
    private var pending: ByteBuffer
    private var entries: [Entry] = []
    /// The turn that is being written, and its entries while they are told.
    private var written: ByteBuffer
    private var told: [Entry] = []
    private var tally = MinuteTally()
    private var firstTokens = FirstTokenWatch()
    private var isFlushScheduled = false

    init(eventLoop: any EventLoop, spool: Spool, log: SegmentLog) {
        self.eventLoop = eventLoop
        self.spool = spool
        self.log = log
        pending = ByteBufferAllocator().buffer(capacity: 16 << 10)
        written = ByteBufferAllocator().buffer(capacity: 16 << 10)
    }

    /// Records that a request was admitted. Nothing may be sent upstream before the waiter was told that it succeeded.
    ///
    /// - Parameter routing: What is to be known of its way should this process be killed, if it has been placed.
    /// - Returns: The record's sequence, for `Completion`.
    func admit(_ admission: Admission, routing: KeptTrace? = nil, waiter: any MeterWaiter, tag: UInt32) -> Int64 {
        guard log.admits else {
            note(Entry(waiter: waiter, tag: tag, end: pending.readableBytes, sequence: 0, isFinal: false, isRefused: true))
            return 0
        }
        let sequence = spool.nextSequence()
        SpoolEncoding.append(admission, sequence: sequence, routing, to: &pending)
        note(Entry(waiter: waiter, tag: tag, end: pending.readableBytes, sequence: sequence, isFinal: false, isRefused: false))
        return sequence
    }

    /// An admitted request waits for the first token of its stream.
    ///
    /// - Parameter since: When it was accepted.
    package func awaitFirstToken(_ sequence: Int64, _ subject: UsageSubject, since: NIODeadline) {
        firstTokens.expect(sequence, subject, since: since)
    }

    /// It is there.
    package func noteFirstToken(_ sequence: Int64, at now: NIODeadline) {
        firstTokens.came(sequence, at: now)
    }

    /// Records the end of an admitted request. The last byte may go to the client once the waiter was told; then, and not before, the waiter counts
    /// the request by `count` or `countUnrecorded`: nothing may tell of an answer of which no record does.
    ///
    /// - Parameter routing: Stands in the record beside the usage.
    func finish(_ completion: Completion, routing: KeptTrace? = nil, waiter: any MeterWaiter, tag: UInt32) {
        SpoolEncoding.append(completion, outcome: Outcome(completion.evidence), routing, to: &pending)
        firstTokens.ended(completion.sequence, at: Reactor.now)
        note(Entry(waiter: waiter, tag: tag, end: pending.readableBytes, sequence: completion.sequence, isFinal: true, isRefused: false))
    }

    /// Counts, in its minute, a request whose end was recorded.
    func count(_ completion: Completion) {
        tally.count(completion, outcome: Outcome(completion.evidence))
    }

    /// Counts one whose end the disk refused, as its record will be: the next start closes it as interrupted.
    func countUnrecorded(_ admission: Admission) {
        tally.refuse(admission.subject, outcome: .interrupted, acceptedAt: admission.acceptedAt)
    }

    /// Counts a request that was refused before admission: no record, only its minute.
    ///
    /// - Parameter acceptedAt: Microseconds since 1970.
    package func refuse(_ subject: UsageSubject, outcome: Outcome, acceptedAt: Int64) {
        tally.refuse(subject, outcome: outcome, acceptedAt: acceptedAt)
    }

    /// Minutes counted since the last call.
    func takeMinutes() -> [MinuteKey: MinuteCell] { tally.take() }

    /// First tokens since the last call, those that are late and not there yet among them.
    func takeFirstTokens(at now: NIODeadline) -> [ServiceName: LatencyCounter] { firstTokens.take(at: now) }

    /// Writes what is pending, waits for the disk and closes the file. True when every admission has its end on the disk.
    func close() -> EventLoopFuture<Bool> {
        // Who is told may record something in answer.
        while !entries.isEmpty { flush() }
        return log.close()
    }

    private func note(_ entry: consuming Entry) {
        entries.append(entry)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        guard !entries.isEmpty else { return }
        // Waiters may ask for more records while they are told: those go into the other buffer and belong to the next turn.
        swap(&pending, &written)
        swap(&entries, &told)
        log.append(written, told)
        written.clear()
        told.removeAll(keepingCapacity: true)
    }
}
