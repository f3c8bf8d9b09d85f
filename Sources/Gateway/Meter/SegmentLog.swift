import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The segment files of one event loop: appends, rotates, asks for syncs, and copes with a disk that is full or broken.
///
/// A turn's records go into the tail, memory that outlives this process, and from there into the segment when the next sync begins. They are written at
/// once where there is no tail, it has no room, every record waits for the disk, or the disk is in trouble.
///
/// Every call is made on the loop. After a failed sync nothing is believed of that file: what it did not confirm is written to the next one.
final class SegmentLog {
    private enum Condition {
        case healthy
        /// No room: ends are still written, from the reserve; nothing is admitted.
        case full
        /// Not even ends can be written.
        case broken
    }

    private let eventLoop: any EventLoop
    private let settings: SpoolSettings
    private let statistics: SpoolStatistics
    private let syncPool: NIOThreadPool
    private let origin: SpoolOrigin
    private let stream: Int
    private let reserve: DiskReserve
    private var tail: SegmentTail?
    /// In the tail and in no segment yet.
    private var inTail: ByteBuffer
    private var number = 0
    private var file: SegmentFile?
    private var length = 0
    private var condition = Condition.healthy
    /// Written but not confirmed by the disk; the front part while a sync is running.
    private var syncing: ByteBuffer
    private var unsynced: ByteBuffer
    /// Records of which the waiters know that they were written, but which neither the old file nor the next one kept: they wait for the disk.
    /// Those that stood in the tail still do.
    private var rescued: ByteBuffer
    private var retired: [SegmentFile] = []
    private var awaitingSync: [LoopMeter.Entry] = []
    private var syncingEntries: [LoopMeter.Entry] = []
    private var isSyncScheduled = false
    private var isSyncRunning = false
    private var isRetryScheduled = false
    private var closing: [EventLoopPromise<Bool>] = []
    private var openRequests = OpenSegments()
    /// `openRequests.oldest` as of the last confirmed sync and as of the running one: an end that a power cut may take must not hide its admission.
    private var confirmedOldest = 1
    private var syncingOldest = 1
    /// The end of a request could not be kept.
    private var hasLostEnd = false

    init(
        eventLoop: any EventLoop, settings: SpoolSettings, statistics: SpoolStatistics, syncPool: NIOThreadPool, origin: SpoolOrigin, stream: Int
    ) {
        self.eventLoop = eventLoop
        self.settings = settings
        self.statistics = statistics
        self.syncPool = syncPool
        self.origin = origin
        self.stream = stream
        reserve = DiskReserve(path: "\(settings.directory)/reserve-\(stream)", bytes: settings.reserveBytes)
        inTail = ByteBuffer()
        syncing = ByteBuffer()
        unsynced = ByteBuffer()
        rescued = ByteBuffer()
    }

    /// Whether requests may be admitted now.
    var admits: Bool {
        condition == .healthy && syncing.readableBytes + unsynced.readableBytes + inTail.readableBytes < settings.unsyncedBytesLimit
    }

    /// Opens the first segment and takes the reserve.
    func open() throws(MeterError) {
        guard reserve.take() else { throw MeterError(.file, "no room for the reserve of \(settings.reserveBytes) bytes in \(settings.directory)") }
        if !settings.isStrict, settings.tailBytes > 0 {
            tail = SegmentTail.make(SegmentTail.path(settings.directory, boot: origin.boot, stream: stream), bytes: settings.tailBytes)
        }
        try rotate()
    }

    /// Keeps one turn's records and tells their waiters.
    func append(_ batch: ByteBuffer, _ entries: [LoopMeter.Entry]) {
        if batch.readableBytes == 0 || keepInTail(batch) { return accepted(entries) }
        emptyTail()
        if keepInTail(batch) { return accepted(entries) }
        let error = write(batch.readableBytesView)
        guard error != 0 else {
            accepted(entries)
            return rotateIfFull()
        }
        noteFailure(error)
        // The ends of requests that are already running matter most: they get a second try alone.
        let (ends, others) = endsOnly(batch, entries)
        let isSaved = ends.readableBytes > 0 && secondTry(ends)
        enter(isSaved || ends.readableBytes == 0 ? .full : .broken)
        accepted(isSaved ? entries.filter(\.isFinal) : [])
        refused(isSaved ? others : entries)
    }

    /// Done when everything written is on the disk, or the disk has refused. True when every admission has its end there.
    func close() -> EventLoopFuture<Bool> {
        let promise = eventLoop.makePromise(of: Bool.self)
        closing.append(promise)
        startSync()
        return promise.futureResult
    }

    // MARK: - The tail

    private func keepInTail(_ batch: ByteBuffer) -> Bool {
        guard condition == .healthy, let tail, batch.withUnsafeReadableBytes({ tail.append($0) }) else { return false }
        var batch = batch
        inTail.writeBuffer(&batch)
        scheduleSync()
        return true
    }

    /// Brings into the segment what the tail holds. Where neither this segment nor the next one takes it, it stays in the tail, for the next start,
    /// and waits for the disk.
    private func emptyTail() {
        let error = inTail.readableBytes == 0 ? 0 : write(inTail.readableBytesView)
        if error != 0 {
            noteFailure(error)
            let isSaved = secondTry(inTail)
            enter(isSaved ? .full : .broken)
            if !isSaved { rescued.writeBuffer(&inTail) }
        }
        Self.empty(&inTail)
        beginTail()
        rotateIfFull()
    }

    /// What a disk that did not answer made large is given back.
    private static func empty(_ buffer: inout ByteBuffer) {
        if buffer.capacity > 1 << 20 { buffer = ByteBuffer() } else { buffer.clear() }
    }

    /// What the tail gets from now on belongs behind what the segment has.
    private func beginTail() {
        guard inTail.readableBytes == 0, rescued.readableBytes == 0, let tail, !tail.begin(behind: .init(number: number, length: length)) else {
            return
        }
        self.tail = nil
    }

    // MARK: - Writing

    private func noteFailure(_ error: Int32) {
        statistics.writeFailures.wrappingAdd(1, ordering: .relaxed)
        if error == ENOSPC || error == EDQUOT { reserve.release() }
    }

    private func write(_ bytes: ByteBufferView) -> Int32 {
        guard let file else { return EIO }
        let error = bytes.withUnsafeBytes { file.append($0) }
        guard error == 0 else {
            // Half a batch must not stay: its waiters are told that it failed.
            if !file.cut(to: length) { retire() }
            return error
        }
        length += bytes.count
        unsynced.writeBytes(bytes)
        statistics.writes.wrappingAdd(1, ordering: .relaxed)
        statistics.bytes.wrappingAdd(bytes.count, ordering: .relaxed)
        scheduleSync()
        return 0
    }

    private func secondTry(_ bytes: ByteBuffer) -> Bool {
        if write(bytes.readableBytesView) == 0 { return true }
        rotateIfPossible()
        return write(bytes.readableBytesView) == 0
    }

    private func endsOnly(_ batch: ByteBuffer, _ entries: [LoopMeter.Entry]) -> (ByteBuffer, [LoopMeter.Entry]) {
        var ends = ByteBuffer()
        var start = 0
        for entry in entries {
            if entry.isFinal, let bytes = batch.viewBytes(at: batch.readerIndex + start, length: entry.end - start) { ends.writeBytes(bytes) }
            start = entry.end
        }
        return (ends, entries.filter { !$0.isFinal })
    }

    private func accepted(_ entries: [LoopMeter.Entry]) {
        statistics.records.wrappingAdd(entries.count, ordering: .relaxed)
        // By places: an entry that is taken out for a look is counted.
        for place in entries.indices where !entries[place].isRefused {
            if entries[place].isFinal { openRequests.ended(entries[place].sequence) } else { openRequests.admitted(entries[place].sequence) }
        }
        guard !settings.isStrict else {
            awaitingSync.append(contentsOf: entries.filter { !$0.isRefused })
            for entry in entries where entry.isRefused { refused([entry]) }
            return scheduleSync()
        }
        for place in entries.indices {
            if entries[place].isRefused { statistics.refusedRecords.wrappingAdd(1, ordering: .relaxed) }
            entries[place].waiter.meterWrote(tag: entries[place].tag, succeeded: !entries[place].isRefused)
        }
    }

    private func refused(_ entries: [LoopMeter.Entry]) {
        statistics.refusedRecords.wrappingAdd(entries.count, ordering: .relaxed)
        if entries.contains(where: \.isFinal) { hasLostEnd = true }
        for entry in entries { entry.waiter.meterWrote(tag: entry.tag, succeeded: false) }
    }

    // MARK: - Segments

    private func rotate() throws(MeterError) {
        number += 1
        let name = SpoolName(boot: origin.boot, stream: stream, number: number)
        let next = try SegmentFile(creating: "\(settings.directory)/\(name.file)")
        let head = SpoolOrigin(gateway: origin.gateway, boot: origin.boot, oldestOpen: confirmedOldest).record
        let error = head.withUnsafeBytes { next.append($0) }
        guard error == 0 else {
            unlink(next.path)
            throw SystemFault.error("cannot write \(next.path)", number: error)
        }
        retire()
        file = next
        length = head.count
        openRequests.begin(number)
        beginTail()
    }

    private func rotateIfFull() {
        if length >= settings.segmentBytes { rotateIfPossible() }
    }

    private func retire() {
        if let file { retired.append(file) }
        file = nil
    }

    /// The present segment goes on being used when there is no next one.
    private func rotateIfPossible() {
        do {
            try rotate()
        } catch {
            statistics.writeFailures.wrappingAdd(1, ordering: .relaxed)
        }
    }

    // MARK: - Disk trouble

    private func enter(_ next: Condition) {
        if condition == .healthy { statistics.loopsRefusing.wrappingAdd(1, ordering: .relaxed) }
        condition = next
        scheduleRetry()
    }

    private func scheduleRetry() {
        guard !isRetryScheduled else { return }
        isRetryScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.retry() }
    }

    private func retry() {
        isRetryScheduled = false
        guard condition != .healthy, closing.isEmpty else { return }
        guard reserve.take(), (try? rotate()) != nil, writeRescued() else {
            reserve.release()
            return scheduleRetry()
        }
        condition = .healthy
        statistics.loopsRefusing.wrappingSubtract(1, ordering: .relaxed)
    }

    private func writeRescued() -> Bool {
        guard rescued.readableBytes > 0 else { return true }
        guard write(rescued.readableBytesView) == 0 else { return false }
        rescued.clear()
        beginTail()
        return true
    }

    // MARK: - Sync

    private func scheduleSync() {
        guard !isSyncScheduled, !isSyncRunning else { return }
        isSyncScheduled = true
        let delay = settings.isStrict ? TimeAmount.zero : settings.syncDelay
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.isSyncScheduled = false
            self.startSync()
        }
    }

    private func startSync() {
        guard !isSyncRunning else { return }
        emptyTail()
        guard unsynced.readableBytes > 0 || !retired.isEmpty || !awaitingSync.isEmpty else { return finishClosing() }
        isSyncRunning = true
        swap(&syncing, &unsynced)
        unsynced.clear()
        syncingOldest = openRequests.oldest
        syncingEntries = awaitingSync
        awaitingSync = []
        let files = retired + [file].compactMap(\.self)
        retired = []
        // Every file is asked even when one failed: a failure is about that file alone, but what to rewrite is not known by file.
        let result = syncPool.runIfActive(eventLoop: eventLoop) { files.reduce(true) { $1.sync() && $0 } }
        result.assumeIsolated().whenComplete { outcome in
            if case .success(true) = outcome { self.synced() } else { self.syncFailed() }
        }
    }

    private func synced() {
        isSyncRunning = false
        if rescued.readableBytes == 0 { confirmedOldest = syncingOldest }
        Self.empty(&syncing)
        let told = syncingEntries
        syncingEntries = []
        for entry in told { entry.waiter.meterWrote(tag: entry.tag, succeeded: true) }
        continueSync()
    }

    /// The kernel may have dropped the pages and would report success the next time, so the file is never asked again.
    private func syncFailed() {
        isSyncRunning = false
        statistics.syncFailures.wrappingAdd(1, ordering: .relaxed)
        var again = syncing
        again.writeBuffer(&unsynced)
        syncing.clear()
        unsynced.clear()
        let told = syncingEntries
        syncingEntries = []
        file = nil
        rotateIfPossible()
        if write(again.readableBytesView) == 0 {
            awaitingSync.insert(contentsOf: told, at: 0)
        } else {
            enter(.broken)
            guard settings.isStrict else {
                rescued.writeBuffer(&again)
                return continueSync()
            }
            let waiting = told + awaitingSync
            awaitingSync = []
            refused(waiting)
        }
        continueSync()
    }

    private func continueSync() {
        if !closing.isEmpty, condition == .healthy { return startSync() }
        if !closing.isEmpty { return finishClosing() }
        if unsynced.readableBytes + inTail.readableBytes > 0 || !retired.isEmpty { scheduleSync() }
    }

    private func finishClosing() {
        guard !closing.isEmpty else { return }
        file = nil
        reserve.release()
        let promises = closing
        closing = []
        let isWhole =
            openRequests.isEmpty && !hasLostEnd && condition == .healthy && unsynced.readableBytes == 0 && rescued.readableBytes == 0
        if isWhole { tail?.remove() }
        tail = nil
        for promise in promises { promise.succeed(isWhole) }
    }
}
