import CPlatform
import Gateway
import ServiceLifecycle

/// Gives memory that a burst left behind back to the system within ten seconds.
struct Upkeep: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown {
            var care = HeapCare()
            while !Task.isCancelled {
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: .seconds(4), tolerance: .milliseconds(500))
                guard care.isDue(free: Int(cplatform_free_heap_bytes())) else { continue }
                _ = cplatform_trim_allocator()
                care.trimmed(free: Int(cplatform_free_heap_bytes()))
            }
        }
    }
}
