package import Logging
package import Outbound
import ServiceLifecycle

/// Keeps one runtime: starts or adopts it, watches it, restarts it, and stops it at the end.
package struct RuntimeSupervisor: Service {
    private let status: RuntimeStatus
    private let state: StateDirectory
    private let http: OutboundClient
    private let keepsRuntime: Bool
    private let redact: @Sendable (String) -> String
    private let logger: Logger

    /// - Parameters:
    ///   - keepsRuntime: leave the process running at the end, for the next agent to adopt.
    ///   - redact: takes out of lines of the runtime's log what must not leave this host.
    package init(
        status: RuntimeStatus, state: StateDirectory, http: OutboundClient = OutboundClient(), keepsRuntime: Bool,
        redact: @escaping @Sendable (String) -> String = { $0 }, logger: Logger = Logger(label: "runtime-supervisor")
    ) {
        self.redact = redact
        self.status = status
        self.state = state
        self.http = http
        self.keepsRuntime = keepsRuntime
        var logger = logger
        logger[metadataKey: "runtime.name"] = "\(status.configuration.name)"
        self.logger = logger
    }

    package func run() async throws {
        let configuration = status.configuration
        for warning in RuntimeCommand(configuration.command, dialect: configuration.dialect).warnings {
            logger.warning("runtime's command", metadata: ["error.reason": "\(warning)"])
        }
        let watched = await cancelWhenGracefulShutdown {
            var watch = RuntimeWatch(status: status, state: state, http: http, logger: logger, redact: redact)
            await watch.adopt()
            while !Task.isCancelled {
                let pause = await watch.look()
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: pause)
            }
            return watch
        }
        guard !keepsRuntime else { return }
        await watched.stop()
    }
}
