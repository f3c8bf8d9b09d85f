import Glibc
import Logging
import ServiceLifecycle

@testable import Program

/// Raises SIGTERM once it runs, and again when it is asked to drain, if it is a stubborn one.
struct Raiser: Service {
    let isStubborn: Bool
    let readiness: Readiness

    func run() async throws {
        kill(getpid(), SIGTERM)
        try await gracefulShutdown()
        guard !readiness.isReady else { exit(9) }
        guard isStubborn else { return }
        kill(getpid(), SIGTERM)
        try await Task.sleep(for: .seconds(60))
    }
}
