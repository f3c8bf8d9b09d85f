import PlimsollWire
import ServiceLifecycle
import Synchronization

/// Reads the host's inventory now and then; a driver that hangs delays nobody but this loop.
package final class InventoryKeeper: Service {
    private let inventory: HostInventory
    private let interval: Duration
    private let last = Mutex<Inventory?>(nil)

    package init(inventory: HostInventory, interval: Duration = .seconds(30)) {
        self.inventory = inventory
        self.interval = interval
    }

    /// Nil until the first reading is done.
    var current: Inventory? { last.withLock { $0 } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let reading = await self.inventory.read()
                self.last.withLock { $0 = reading }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: self.interval)
            }
        }
    }
}

extension Inventory {
    /// Less what moves all the time: equal as long as nothing changed that a scheduler must know at once.
    var lasting: Inventory {
        var copy = self
        copy.memoryAvailableBytes = 0
        copy.diskFreeBytes = 0
        for index in copy.accelerators.indices {
            copy.accelerators[index].memoryUsedBytes = nil
            copy.accelerators[index].utilization = nil
            copy.accelerators[index].temperatureCelsius = nil
        }
        return copy
    }
}
