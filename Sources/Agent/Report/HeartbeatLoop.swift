import FoundationEssentials
import Logging
import PlimsollWire
import ServiceLifecycle
import Telemetry

/// Tells the control plane every few seconds, and at once when something changed, how this host is.
struct HeartbeatLoop: Service {
    let host: HostStatus
    let identity: IdentityKeeper
    let inventory: InventoryKeeper
    let linkedGateways: @Sendable () -> [String]
    let linkAddress: String?
    let version: String
    /// Rung when something changed that a heartbeat carries.
    let changed: Wake
    let logger: Logger

    /// Rises with each start of the agent, so that a late heartbeat of a dead one is refused.
    private let epoch = Int64(Date().timeIntervalSince1970 * 1000)
    private let bootId = KernelText.bootId

    init(
        host: HostStatus, identity: IdentityKeeper, inventory: InventoryKeeper, linkedGateways: @escaping @Sendable () -> [String],
        linkAddress: String?, version: String, changed: Wake, logger: Logger
    ) {
        self.host = host
        self.identity = identity
        self.inventory = inventory
        self.linkedGateways = linkedGateways
        self.linkAddress = linkAddress
        self.version = version
        self.changed = changed
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var schedule = HeartbeatSchedule(now: .now)
            var sequence: Int64 = 0
            while !Task.isCancelled {
                let facts = facts
                if schedule.isDue(facts, now: .now) {
                    sequence += 1
                    await send(facts, sequence: sequence, schedule: &schedule)
                }
                await changed.pause(atMost: schedule.pause(facts, now: .now))
            }
        }
    }

    /// Reports without their load: numbers alone are no reason for a heartbeat.
    private var facts: HeartbeatSchedule.Facts {
        let reports = host.runtimes.map { runtime in
            var report = runtime.report
            report.load = RuntimeLoad()
            return report
        }
        return HeartbeatSchedule.Facts(state: host.agentState, runtimes: reports, gateways: linkedGateways().sorted())
    }

    private func send(_ facts: HeartbeatSchedule.Facts, sequence: Int64, schedule: inout HeartbeatSchedule) async {
        let carried = schedule.inventory(inventory.current, now: .now)
        let heartbeat = Heartbeat(
            epoch: epoch, sequence: sequence, bootId: bootId, version: version, observedGeneration: host.generation, state: facts.state,
            inventory: carried, runtimes: host.runtimes.map(\.report), linkedGateways: facts.gateways, linkAddress: linkAddress,
            clockMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        do throws(AgentError) {
            let answer = try await identity.heartbeat(heartbeat)
            schedule.sent(facts, inventory: carried, answer: answer, now: .now)
        } catch {
            schedule.failed(now: .now)
            guard !Task.isCancelled else { return }
            let level: Logger.Level = error.code == .refused ? .error : .warning
            logger.log(level: level, "heartbeat was not taken", metadata: ["error.reason": "\(error.message)", "sequence": "\(sequence)"])
        }
    }
}
