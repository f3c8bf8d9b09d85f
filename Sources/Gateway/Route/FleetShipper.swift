package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Tells the control plane every few seconds which workers are out of rotation, for people who look; and once when none is any more.
package struct FleetShipper: Service {
    package typealias Send = @Sendable (FleetReport) async throws -> Void

    private let take: @Sendable () -> FleetReport
    private let send: Send
    private let logger: Logger
    private let interval: Duration

    /// - Parameter server: Whose workers they are.
    package init(server: GatewayServer, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.init(logger: logger, interval: interval, take: { server.fleetReport }, send: send)
    }

    init(logger: Logger, interval: Duration, take: @escaping @Sendable () -> FleetReport, send: @escaping Send) {
        self.take = take
        self.send = send
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // What an earlier start of this gateway has told may still stand.
            var told: FleetReport?
            while !Task.isCancelled {
                let report = take()
                if !report.out.isEmpty || told != report { told = await sent(report) ? report : told }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(500))
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
