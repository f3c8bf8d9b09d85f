import Domain
import FoundationEssentials
import PlimsollWire
import Synchronization

/// What this replica has heard from agents: kept in memory, handed in batches to whoever writes it down.
final class HeartbeatBook: Sendable {
    /// A host as of its last heartbeat here.
    struct Page: Sendable {
        var heartbeat: Heartbeat
        var receivedAt: Date
        /// Of the desired state, as the database said last; nil until it was asked.
        var generation: Int64?
        /// Epoch whose inventory is known.
        var inventoryEpoch: Int64?
        var isUnwritten = true
    }

    private static let limit = 100_000

    private let pages = Mutex<[UUID: Page]>([:])

    /// Takes a heartbeat down, or throws `.staleHeartbeat` when one like it or a later one was there before.
    func receive(_ heartbeat: Heartbeat, from host: UUID, at moment: Date = Date()) throws(PeerRefusal) -> HeartbeatResponse {
        let bounded = heartbeat.bounded
        return try pages.withLock { pages throws(PeerRefusal) in
            let old = pages[host]
            if let old { try Self.fence(old.heartbeat, bounded) }
            guard old != nil || pages.count < Self.limit else { throw PeerRefusal(.unavailable, "too many hosts report here") }
            var page = Page(heartbeat: bounded, receivedAt: moment, generation: old?.generation, inventoryEpoch: old?.inventoryEpoch)
            // Told, even when it was too long to be kept: asking again would bring the same.
            if heartbeat.inventory != nil {
                page.inventoryEpoch = bounded.epoch
            } else if old?.isUnwritten == true, old?.heartbeat.epoch == bounded.epoch {
                // The one before has not been written yet, and only it carried the inventory.
                page.heartbeat.inventory = old?.heartbeat.inventory
            }
            pages[host] = page
            var generator = SystemRandomNumberGenerator()
            let pause = HeartbeatInterval.next(agents: pages.count, using: &generator)
            return HeartbeatResponse(
                generation: page.generation ?? bounded.observedGeneration, nextHeartbeatSeconds: max(1, Int(pause.components.seconds)),
                wantsInventory: page.inventoryEpoch != bounded.epoch)
        }
    }

    /// Epochs and sequences only rise; a heartbeat that was recorded and sent again, or comes from a process that was replaced, does not count.
    private static func fence(_ known: Heartbeat, _ next: Heartbeat) throws(PeerRefusal) {
        if next.epoch > known.epoch || (next.epoch == known.epoch && next.sequence > known.sequence) { return }
        throw PeerRefusal(.staleHeartbeat, "a later heartbeat of this host was here before")
    }

    /// Up to `count` pages that the database has not seen; they count as seen until `failed`.
    func takeUnwritten(_ count: Int) -> [UUID: Page] {
        pages.withLock { pages in
            var batch: [UUID: Page] = [:]
            for (host, page) in pages where page.isUnwritten {
                guard batch.count < count else { break }
                batch[host] = page
            }
            for host in batch.keys { pages[host]?.isUnwritten = false }
            return batch
        }
    }

    /// The batch could not be written; unless something newer came meanwhile it is tried again.
    func failed(_ batch: [UUID: Page]) {
        pages.withLock { pages in
            for (host, page) in batch {
                pages[host]?.isUnwritten = true
                if pages[host]?.heartbeat.epoch == page.heartbeat.epoch, pages[host]?.heartbeat.inventory == nil {
                    pages[host]?.heartbeat.inventory = page.heartbeat.inventory
                }
            }
        }
    }

    func note(generation: Int64, of host: UUID) {
        pages.withLock { $0[host]?.generation = generation }
    }

    /// The database knows a later heartbeat, from another replica or before a restart: what was told here is refused from now on.
    func forget(_ hosts: some Sequence<UUID>) {
        pages.withLock { pages in
            for host in hosts { pages[host] = nil }
        }
    }

    /// Forgets hosts that have been silent since `moment`.
    func forget(silentSince moment: Date) {
        pages.withLock { pages in pages = pages.filter { $0.value.isUnwritten || $0.value.receivedAt >= moment } }
    }
}
