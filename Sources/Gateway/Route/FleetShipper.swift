package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Tells the control plane which workers are out of rotation: within a second when that changes, every few seconds while there are any, and once when none is
/// any more. What is done about a lost provider waits for it.
package struct FleetShipper: Service {
    package typealias Send = @Sendable (FleetReport) async throws -> Void

    private let take: @Sendable () -> FleetReport
    private let send: Send
    private let logger: Logger
    private let interval: Duration
    /// Within an interval.
    private let looks: Int

    /// - Parameter server: Whose workers they are.
    package init(server: GatewayServer, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.init(logger: logger, interval: interval, take: { server.fleetReport }, send: send)
    }

    init(logger: Logger, interval: Duration, looks: Int = 5, take: @escaping @Sendable () -> FleetReport, send: @escaping Send) {
        self.take = take
        self.send = send
        self.logger = logger
        self.interval = interval
        self.looks = looks
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // What an earlier start of this gateway has told may still stand.
            var (told, silence) = (FleetReport?.none, 0)
            while !Task.isCancelled {
                let report = take()
                silence += 1
                if told != report || (!report.out.isEmpty && silence >= looks) {
                    told = await sent(report) ? report : told
                    silence = 0
                }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval / looks, tolerance: .milliseconds(100))
            }
        }
    }

    private func sent(_ report: FleetReport) async -> Bool {
        do {
            try await send(report)
            return true
        } catch {
            logger.debug("workers out of rotation not told", metadata: ["error": "\(MeterError.describe(error))"])
            return false
        }
    }
}
