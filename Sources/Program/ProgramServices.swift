import Glibc
package import Logging
import NIOCore
package import ServiceLifecycle
import Telemetry
import UnixSignals

/// Runs a program's services until the first of them fails or a signal asks for the end.
package enum ProgramServices {
    /// The first SIGTERM or SIGINT turns readiness off and shuts the services down in reverse order; a second one ends the process at once.
    ///
    /// - Parameters:
    ///   - services: dependencies first.
    ///   - drainLimit: after it, services that still run are cancelled.
    ///   - cancellationLimit: how long services may take to end after that, or after one of them failed; then the process aborts. Longer than what
    ///     any of them needs to put the world in order.
    package static func run(
        _ services: [any Service], readiness: Readiness, drainLimit: Duration = .seconds(30), cancellationLimit: Duration = .seconds(5),
        logger: Logger
    ) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }, logger: logger)
        configuration.maximumGracefulShutdownDuration = drainLimit
        configuration.maximumCancellationDuration = cancellationLimit
        let group = ServiceGroup(configuration: configuration)
        // Before the first service runs, so that no signal finds nobody listening.
        let trapped = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let signals = SignalService(signals: trapped, readiness: readiness, logger: logger) { await group.triggerGracefulShutdown() }
        OpenFiles.raiseLimit()
        // A peer that left must not end the process: writes report it.
        signal(SIGPIPE, SIG_IGN)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await signals.run() }
            tasks.addTask { try await group.run() }
            // The signals' task only ends when it is cancelled, so the first to end is the group.
            defer { tasks.cancelAll() }
            do {
                try await tasks.next()
            } catch let error as IOError {
                // Of what services do with sockets only listening is not coped with by themselves.
                logger.error(
                    "an address of the settings cannot be listened on",
                    metadata: [LogKeys.reason: "\(String(cString: strerror(error.errnoCode)))"])
                throw ProgramExit.refused
            }
        }
    }
}

/// Listens for signals: the first drains, the second ends the process.
struct SignalService {
    let signals: UnixSignalsSequence
    let readiness: Readiness
    let logger: Logger
    let drain: @Sendable () async -> Void

    func run() async {
        var isDraining = false
        for await signal in signals {
            if isDraining { end(signal) }
            isDraining = true
            logger.info("draining after a signal", metadata: [LogKeys.signal: "\(signal)"])
            readiness.drain()
            await drain()
        }
    }

    private func end(_ signal: UnixSignal) -> Never {
        logger.warning("stopping at once after a second signal", metadata: [LogKeys.signal: "\(signal)"])
        // 128 and the signal's number, as shells report a process that a signal ended.
        _exit(128 + (signal == .sigterm ? SIGTERM : SIGINT))
    }
}
