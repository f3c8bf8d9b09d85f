import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import Program

@Suite(.timeLimit(.minutes(1))) struct SignalTests {
    @Test func theFirstSIGTERMTurnsReadinessOffAndDrains() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let readiness = Readiness()
            try await ProgramServices.run([Raiser(isStubborn: false, readiness: readiness)], readiness: readiness, logger: Logger(label: "t"))
            exit(7)
        }
    }

    @Test func aServiceThatPutsTheWorldInOrderHasItsTime() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let services = [LateService(needs: .milliseconds(500)), LateService(needs: nil)]
            do {
                try await ProgramServices.run(services, readiness: Readiness(), cancellationLimit: .seconds(30), logger: Logger(label: "t"))
            } catch is LateService.Failure {
                exit(7)
            }
        }
    }

    @Test func thatTimeIsTheProgramsChoice() async {
        // The process aborts.
        await #expect(processExitsWith: .failure) {
            let services = [LateService(needs: .seconds(3)), LateService(needs: nil)]
            do {
                try await ProgramServices.run(services, readiness: Readiness(), cancellationLimit: .milliseconds(100), logger: Logger(label: "t"))
            } catch is LateService.Failure {
                exit(0)
            }
        }
    }

    @Test func theSecondSIGTERMEndsTheProcessAtOnce() async {
        await #expect(processExitsWith: .exitCode(143)) {
            let readiness = Readiness()
            try await ProgramServices.run([Raiser(isStubborn: true, readiness: readiness)], readiness: readiness, logger: Logger(label: "t"))
        }
    }
}
