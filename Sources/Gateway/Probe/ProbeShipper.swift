package import Logging
import NIOCore
package import PlimsollWire
import ServiceLifecycle

/// Tells the control plane every few seconds what probes found, until it has acknowledged it, and takes over what others found.
package struct ProbeShipper: Service {
    package typealias Send = @Sendable (ProbeBatch) async throws -> ProbeAnswer

    static let batch = 500

    private let desk: ProbeDesk
    private let failing: @Sendable ([String]) -> Void
    private let send: Send
    private let logger: Logger
    private let interval: Duration

    /// - Parameter server: Whose workers they are.
    package init(server: GatewayServer, desk: ProbeDesk, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.init(desk: desk, logger: logger, interval: interval, failing: { server.avoidFailing($0) }, send: send)
    }

    init(
        desk: ProbeDesk, logger: Logger, interval: Duration, failing: @escaping @Sendable ([String]) -> Void, send: @escaping Send
    ) {
        self.desk = desk
        self.failing = failing
        self.send = send
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await ship()
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(500))
            }
        }
    }

    /// With nothing to tell, one message is sent all the same: its answer tells for whom this gateway is to stand in.
    func ship() async {
        repeat {
            let probes = desk.take(Self.batch)
            do {
                let answer = try await send(ProbeBatch(probes: probes))
                failing(desk.take(answer, now: NIODeadline.now().microseconds))
            } catch {
                desk.restore(probes)
                logger.debug("probes not told", metadata: ["error": "\(MeterError.describe(error))"])
                return
            }
            if probes.count < Self.batch { return }
        } while !Task.isCancelled
    }
}
