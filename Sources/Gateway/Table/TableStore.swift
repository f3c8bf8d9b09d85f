package import Cryptography
package import PlimsollWire
import Synchronization

/// Holds the last good routing table, in memory and on disk, and hands it to those who asked to be told.
package final class TableStore: Sendable {
    package typealias Receiver = @Sendable (TableContents) -> Void

    fileprivate struct State {
        /// The newest table that was proven, whether its fleet is believed or not.
        var document = TableDocument()
        /// What is in force: of `document`, with an earlier fleet where its own is held back.
        var contents: TableContents?
        /// Why the fleet of `document` is held back; nil when it is in force.
        var held: TableRefusal.Reason?
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

    /// Of the newest table that was proven; 0 before the first.
    package var version: Int64 { state.withLock { $0.document.version } }

    /// Seconds until the fleet that is held back will be believed, if the control plane still says the same then; nil when none is, or when
    /// only another table can change it.
    func confirmationDue(now: Int64) -> Int64? {
        state.withLock { $0.held == .shrunk ? $0.shrink.due(now: now) : nil }
    }

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
                break
            } catch {
                refusals.append(error)
            }
        }
        loadHeld(&refusals)
        return refusals
    }

    /// A table whose fleet was held back before the restart: what it revokes stays revoked.
    private func loadHeld(_ refusals: inout [TableRefusal]) {
        guard let candidate = file.loadHeld() else { return }
        do throws(TableRefusal) {
            _ = try adopt(try candidate.get(), now: 0)
        } catch {
            refusals.append(error)
        }
    }

    /// Proves a table, tells the receivers, and then keeps it on disk. Blocks on the disk.
    ///
    /// What a proven table says of tenants, keys and denied identities is in force at once, so that nothing which it revokes lives on. A fleet
    /// that shrank most likely shows a fault of the control plane: until that is confirmed, models and workers stay those of the last table.
    ///
    /// - Parameter now: Seconds of a clock that goes on, for holding back a fleet.
    /// - Returns: Whether the table is in force whole.
    /// - Throws: `TableRefusal` when nothing changes; another error when the table is in force but could not be kept on disk.
    @discardableResult
    package func apply(_ table: SignedTable, now: Int64) throws -> TableAdoption {
        let (document, adoption) = try adopt(table, now: now)
        try keep(document, adoption)
        return adoption
    }

    /// The control plane still says what `version` says: a fleet that was held back long enough is believed. Blocks on the disk.
    func confirm(now: Int64) throws -> TableAdoption {
        let (document, adoption) = turn.withLock { _ in
            let result = state.withLock { state in (state.document, state.held == nil ? .whole : state.adopt(state.document, now: now)) }
            if result.1 == .whole { tellReceivers() }
            return result
        }
        if adoption == .whole { try keep(document, adoption) }
        return adoption
    }

    private func keep(_ document: TableDocument, _ adoption: TableAdoption) throws {
        if case .fleetHeld = adoption { return try file.saveHeld(document.signed) }
        let isDiskGood = state.withLock { $0.isDiskGood }
        try file.save(document.signed, keepsPrevious: isDiskGood)
        state.withLock { $0.isDiskGood = true }
    }

    private func adopt(_ table: SignedTable, now: Int64?) throws(TableRefusal) -> (TableDocument, TableAdoption) {
        try turn.withLock { _ throws(TableRefusal) in
            let result = try state.withLock { state throws(TableRefusal) in
                let next = try state.document.applying(table, key: key)
                return (next, state.adopt(next, now: now))
            }
            tellReceivers()
            return result
        }
    }

    private func tellReceivers() {
        guard let contents = current else { return }
        for receive in receivers.withLock({ $0 }) { receive(contents) }
    }
}

extension TableStore.State {
    /// - Parameter now: Nil: whatever its fleet is, it has been believed before.
    fileprivate mutating func adopt(_ next: TableDocument, now: Int64?) -> TableAdoption {
        var adopted = next.contents
        let adoption = now.map { judge(adopted, now: $0) } ?? .whole
        held = nil
        if case .fleetHeld(let refusal) = adoption, let contents {
            adopted.models = contents.models
            adopted.workers = contents.workers
            held = refusal.reason
        }
        document = next
        contents = adopted
        return adoption
    }

    private mutating func judge(_ next: TableContents, now: Int64) -> TableAdoption {
        let (workers, present) = (next.workers.count, contents?.workers.count ?? 0)
        // A new installation has none yet: nothing is lost.
        guard workers > 0 || present == 0 else {
            return .fleetHeld(TableRefusal(.noWorkers, "version \(next.version) names no worker"))
        }
        guard shrink.admits(version: next.version, workers: workers, present: present, now: now) else {
            let message = "version \(next.version) names \(workers) of \(present) workers; held back until it is confirmed"
            return .fleetHeld(TableRefusal(.shrunk, message))
        }
        return .whole
    }
}
