package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Hands on every few seconds why requests were refused before they were admitted. What cannot be handed on is forgotten.
package struct DecisionShipper: Service {
    package typealias Send = @Sendable (DecisionBatch) async throws -> Void

    private static let batch = 500

    private let server: GatewayServer
    private let interval: Duration
    private let send: Send
    private let logger: Logger

    package init(server: GatewayServer, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.server = server
        self.interval = interval
        self.send = send
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(200))
                await ship()
            }
        }
    }

    private func ship() async {
        let decisions = await server.takeRefusals()
        for start in stride(from: 0, to: decisions.count, by: Self.batch) {
            do {
                try await send(DecisionBatch(decisions: Array(decisions[start..<min(start + Self.batch, decisions.count)])))
            } catch {
                logger.debug("refusals not shipped", metadata: ["error": "\(MeterError.describe(error))"])
                return
            }
        }
    }
}
