import Domain
import ServiceLifecycle

/// Asks again and again until the program ends, with growing pauses after failures.
struct LongPoll: Sendable {
    let backoff: Backoff

    /// - Parameter ask: One question and what follows from it; false: pause before the next.
    func run(_ ask: @escaping @Sendable () async -> Bool) async {
        await cancelWhenGracefulShutdown {
            var failures = 0
            var generator = SystemRandomNumberGenerator()
            while !Task.isCancelled {
                if await ask() {
                    failures = 0
                    continue
                }
                failures += 1
                // Cancellation ends the pause; the loop looks.
                try? await Task.sleep(for: backoff.delay(afterFailures: failures, using: &generator), tolerance: .milliseconds(50))
            }
        }
    }
}
