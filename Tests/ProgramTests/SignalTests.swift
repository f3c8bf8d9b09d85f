import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import Program

/// Raises SIGTERM once it runs, and again when it is asked to drain, if it is a stubborn one.
private struct Raiser: Service {
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

@Suite(.timeLimit(.minutes(1))) struct SignalTests {
    @Test func theFirstSIGTERMTurnsReadinessOffAndDrains() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let readiness = Readiness()
            try await ProgramServices.run([Raiser(isStubborn: false, readiness: readiness)], readiness: readiness, logger: Logger(label: "t"))
            exit(7)
        }
    }

    @Test func theSecondSIGTERMEndsTheProcessAtOnce() async {
        await #expect(processExitsWith: .exitCode(143)) {
            let readiness = Readiness()
            try await ProgramServices.run([Raiser(isStubborn: true, readiness: readiness)], readiness: readiness, logger: Logger(label: "t"))
        }
    }
}
