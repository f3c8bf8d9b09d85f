import ServiceLifecycle
import UnixSignals

/// Does something at each SIGHUP, by which operators ask a daemon to read its files again.
package struct HangupService: Service {
    private let reload: @Sendable () -> Void

    package init(_ reload: @escaping @Sendable () -> Void) {
        self.reload = reload
    }

    package func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        await cancelWhenGracefulShutdown {
            for await _ in signals { reload() }
        }
    }
}
