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
        let metrics = MetricRegistry()
        let readiness = Readiness(waitingFor: ["enrolment"])
        let operations = OperationsServer(address: settings.operations, metrics: metrics, readiness: readiness, logger: logger)
        let agent = try await HostAgent(
            settings.agent, version: Version.current, group: MultiThreadedEventLoopGroup.singleton, metrics: metrics, logger: logger)
        readiness.clear("enrolment")
        let upkeep = Upkeep(agent: agent, readiness: readiness)
        let grace = settings.agent.runtimes.map(\.stopGrace).max() ?? .zero
        try await ProgramServices.run(
            [operations, upkeep] + agent.services, readiness: readiness, drainLimit: settings.agent.drainLimit + grace + .seconds(40), logger: logger)
    }

    /// The agent shares its host with a model that wants all the memory there is.
    private static func staySmall() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
        _ = cplatform_tune_allocator(0, 128 * 1024, 1)
        _ = cplatform_forbid_dumps()
    }
}

/// Keeps readiness true to the facts and gives back memory that a burst left behind.
private struct Upkeep: Service {
    let agent: HostAgent
    let readiness: Readiness

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var turns = 0
            var blocked: Set<String> = []
            while !Task.isCancelled {
                let missing = agent.missing
                for reason in missing.subtracting(blocked) { readiness.block(reason) }
                for reason in blocked.subtracting(missing) { readiness.clear(reason) }
                blocked = missing
                turns += 1
                // The start needs much that never is needed again; later it is what requests left behind.
                if turns == 6 || turns % 120 == 20 { MemoryCare.giveBack() }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
