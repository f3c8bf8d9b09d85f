import CPlatform
import Gateway
import NIOCore
import ServiceLifecycle

/// Gives memory that a burst left behind back to the system within ten seconds.
struct Upkeep: Service {
    /// Of each small size, the free blocks that a thread keeps at hand: what a turn of a loop frees, for as many requests as usually end in one.
    static let freeBlocks: Int32 = 128

    let loops: any EventLoopGroup

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var care = HeapCare()
            while !Task.isCancelled {
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: .seconds(4), tolerance: .milliseconds(500))
                guard care.isDue(free: Int(cplatform_free_heap_bytes())) else { continue }
                await giveBlocksBack()
                _ = cplatform_trim_allocator()
                care.trimmed(free: Int(cplatform_free_heap_bytes()))
            }
        }
    }

    /// Those that loops keep at hand lie scattered over what the burst used, and no page that holds one can go back.
    private func giveBlocksBack() async {
        for loop in loops.makeIterator() {
            let taken = try? await loop.submit { UInt(bitPattern: cplatform_take_free_blocks(Upkeep.freeBlocks)) }.get()
            cplatform_give_blocks_back(taken.flatMap { UnsafeMutableRawPointer(bitPattern: $0) })
        }
    }
}
