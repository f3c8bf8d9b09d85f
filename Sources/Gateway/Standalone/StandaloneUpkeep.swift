import Glibc
package import Logging
import ServiceLifecycle
import Telemetry

/// Does for a gateway alone what shipping does for others: empties the minutes and removes segments that are older than their retention.
package struct StandaloneUpkeep: Service {
    private let spool: Spool
    private let logger: Logger
    private let interval: Duration

    package init(spool: Spool, logger: Logger, interval: Duration = .seconds(60)) {
        self.spool = spool
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let removed = try await tidy()
                    if removed > 0 { logger.info("old usage records removed", metadata: [LogKeys.count: "\(removed)"]) }
                } catch {
                    if !Task.isCancelled { logger.warning("old usage records not removed", metadata: ["error": "\(MeterError.describe(error))"]) }
                }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .seconds(1))
            }
        }
    }

    /// - Returns: Number of segments removed.
    func tidy() async throws -> Int {
        // Nobody asks for them here.
        _ = try await spool.takeMinutes()
        let settings = spool.settings
        let backlog = SpoolBacklog(directory: settings.directory, gateway: settings.gateway, liveBoot: spool.boot)
        let oldest = Int(time(nil)) - Int(settings.retention.components.seconds)
        return try await BlockingCalls.run { try backlog.removeExpired(olderThan: oldest) }
    }
}
