import Agent
import CPlatform
import Glibc
import Logging
import NIOCore
import NIOPosix
import Program
import ServiceLifecycle
import Telemetry

/// Builds the agent and runs it until a signal ends it.
struct AgentProgram {
    private let settings: AgentSettings
    private let logger = Logger(label: "plimsoll-agent")

    init(_ settings: AgentSettings) {
        self.settings = settings
    }

    func run() async throws {
        Self.staySmall()
        let metrics = ProgramMetrics.registry()
        let readiness = Readiness(waitingFor: ["enrolment"])
        let operations = OperationsServer(address: settings.operations, metrics: metrics, readiness: readiness, logger: logger)
        // A taken address must end the program before a runtime has been started.
        try await operations.bind()
        let host = HostService(settings: settings.agent, metrics: metrics, readiness: readiness, logger: logger)
        let grace = settings.agent.runtimes.map(\.stopGrace).max() ?? .zero
        try await ProgramServices.run(
            [operations, host], readiness: readiness, drainLimit: settings.agent.drainLimit + grace + .seconds(40),
            // Runtimes are stopped in any case: SIGTERM, their grace, SIGKILL and what that takes.
            cancellationLimit: grace + .seconds(10), logger: logger)
    }

    /// The agent shares its host with a model that wants all the memory there is.
    private static func staySmall() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
        _ = cplatform_tune_allocator(0, 128 * 1024, 1)
    }
}

/// Joins, and then runs all that makes up this host's agent. An end that is asked for while it waits for its control plane is not waited for.
private struct HostService: Service {
    let settings: AgentConfiguration
    let metrics: MetricRegistry
    let readiness: Readiness
    let logger: Logger

    func run() async throws {
        let joined = try await cancelWhenGracefulShutdown { try await join() }
        guard let agent = joined, !Task.isShuttingDownGracefully else { return }
        readiness.clear("enrolment")
        let services: [any Service] = [Upkeep(agent: agent, readiness: readiness)] + agent.services
        // Ends with this service: shutdown and cancellation of the program reach it from there.
        try await ServiceGroup(services: services, logger: logger).run()
    }

    /// Nil when the program ends before this host has joined.
    private func join() async throws -> HostAgent? {
        do {
            return try await HostAgent(
                settings, version: Version.current, group: MultiThreadedEventLoopGroup.singleton, metrics: metrics, logger: logger)
        } catch is CancellationError {
            return nil
        }
    }
}

/// Keeps readiness true to the facts and gives back memory that a burst left behind.
private struct Upkeep: Service {
    /// While something is missing, somebody may wait to hear that it is there.
    private static let pauses = (missing: Duration.milliseconds(250), complete: Duration.seconds(2))
    /// The start needs much that never is needed again; later it is what requests left behind.
    private static let firstCare = Duration.seconds(3)
    private static let care = Duration.seconds(60)

    let agent: HostAgent
    let readiness: Readiness

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var blocked: Set<String> = []
            var nextCare = ContinuousClock.now + Self.firstCare
            while !Task.isCancelled {
                let missing = agent.missing
                for reason in missing.subtracting(blocked) { readiness.block(reason) }
                for reason in blocked.subtracting(missing) { readiness.clear(reason) }
                blocked = missing
                if ContinuousClock.now >= nextCare {
                    MemoryCare.giveBack()
                    nextCare = .now + Self.care
                }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: missing.isEmpty ? Self.pauses.complete : Self.pauses.missing)
            }
        }
    }
}
