package import Cryptography
package import PlimsollWire
import Synchronization

/// Holds the last good routing table, in memory and on disk, and hands it to those who asked to be told.
package final class TableStore: Sendable {
    package typealias Receiver = @Sendable (TableContents) -> Void

    private struct State {
        var document = TableDocument()
        var contents: TableContents?
        var shrink = ShrinkGuard()
        var isDiskGood = false
    }

    private let key: VerifyingKey
    private let file: TableFile
    private let state = Mutex(State())
    private let receivers = Mutex<[Receiver]>([])
    /// One change at a time, from its proof to the last receiver, so that no receiver sees an older table after a newer one.
    private let turn = Mutex<Void>(())

    /// - Parameters:
    ///   - directory: An existing folder for the kept tables.
    ///   - key: Public half of the key that signs tables.
    package init(directory: String, key: VerifyingKey) {
        self.key = key
        file = TableFile(directory: directory)
    }

    /// The table that is in force; nil before the first.
    package var current: TableContents? { state.withLock { $0.contents } }

    /// Version in force; 0 before the first.
    package var version: Int64 { state.withLock { $0.document.version } }

    /// Calls `receive` with the present table, if there is one, and with each later one, one call at a time, on the thread that brought it.
    /// It must not call back into the store and must return soon.
    package func subscribe(_ receive: @escaping Receiver) {
        turn.withLock { _ in
            receivers.withLock { $0.append(receive) }
            if let contents = current { receive(contents) }
        }
    }

    /// Takes the newest kept table that proves itself, for a start without a control plane. Blocks on the disk.
    ///
    /// - Returns: What was refused on the way, newest first.
    package func load() -> [TableRefusal] {
        var refusals: [TableRefusal] = []
        for (place, candidate) in file.load().enumerated() {
            do throws(TableRefusal) {
                _ = try adopt(try candidate.get(), now: nil)
                // The newest file is bad: it must not push the good one out.
                state.withLock { $0.isDiskGood = place == 0 && refusals.isEmpty }
                return refusals
            } catch {
                refusals.append(error)
            }
        }
        return refusals
    }

    /// Proves a table, tells the receivers, and then keeps it on disk. Blocks on the disk.
    ///
    /// - Parameter now: Seconds of a clock that goes on, for holding back a table that lost most workers.
    /// - Throws: `TableRefusal` when the last good table stays; another error when the table is in force but could not be kept on disk.
    package func apply(_ table: SignedTable, now: Int64) throws {
        let document = try adopt(table, now: now)
        let isDiskGood = state.withLock { $0.isDiskGood }
        try file.save(document.signed, keepsPrevious: isDiskGood)
        state.withLock { $0.isDiskGood = true }
    }

    private func adopt(_ table: SignedTable, now: Int64?) throws(TableRefusal) -> TableDocument {
        try turn.withLock { _ throws(TableRefusal) in
            let next = try state.withLock { state throws(TableRefusal) in
                let next = try state.document.applying(table, key: key)
                try Self.checkFleet(next, &state, now: now)
                state.document = next
                state.contents = next.contents
                return next
            }
            guard let contents = current else { return next }
            for receive in receivers.withLock({ $0 }) { receive(contents) }
            return next
        }
    }

    private static func checkFleet(_ next: TableDocument, _ state: inout State, now: Int64?) throws(TableRefusal) {
        let (workers, present) = (next.workerCount, state.document.workerCount)
        guard workers > 0 else { throw TableRefusal(.noWorkers, "version \(next.version) names no worker") }
        guard let now else { return }
        guard state.shrink.admits(version: next.version, workers: workers, present: present, now: now) else {
            throw TableRefusal(.shrunk, "version \(next.version) names \(workers) of \(present) workers; held back until it is confirmed")
        }
    }
}
