import Logging
import ServiceLifecycle

/// The last service to start and so the first to end: takes nothing new from the first signal on, and lets what runs finish.
struct DrainAtEnd: Service {
    let host: HostStatus
    let relay: AgentRelay
    let limit: Duration
    let logger: Logger
    /// Rung when the host's state changes.
    var changed: Wake?

    func run() async throws {
        // Cancellation ends the program without a drain.
        guard (try? await gracefulShutdown()) != nil else { return }
        host.stop()
        changed?.ring()
        let deadline = ContinuousClock.now + limit
        logger.info("draining", metadata: ["count": "\(host.openRequests)"])
        while host.openRequests > 0, ContinuousClock.now < deadline, !Task.isCancelled {
            // Cancellation ends the pause and the loop.
            try? await Task.sleep(for: .milliseconds(50))
        }
        guard host.openRequests > 0 else { return }
        logger.warning("the drain's deadline passed: open requests are cut", metadata: ["count": "\(host.openRequests)"])
        _ = relay.cutOpenRequests()
    }
}
