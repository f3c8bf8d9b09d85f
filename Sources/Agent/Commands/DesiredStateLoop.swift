import Link
import Logging
import PlimsollWire
import ServiceLifecycle

/// Follows the control plane's desired state: gateways to link to, identities to refuse, ids of workers, operations.
struct DesiredStateLoop: Service {
    /// How long one question waits for news, seconds.
    private static let wait = 25

    let host: HostStatus
    let identity: IdentityKeeper
    let operations: OperationLoop
    let admission: LinkAdmission
    let dialer: TunnelDialer?
    /// Rung when the host's state may have changed.
    let changed: Wake
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var waits = PollBackoff()
            var generation: Int64 = 0
            while !Task.isCancelled {
                do throws(AgentError) {
                    if let desired = try await identity.desiredState(after: generation, wait: Self.wait) {
                        generation = desired.generation
                        await apply(desired)
                    }
                    waits.answered()
                } catch {
                    guard !Task.isCancelled else { return }
                    logger.warning("desired state cannot be read", metadata: ["error.reason": "\(error.message)"])
                    // Cancellation ends the pause and the loop.
                    try? await Task.sleep(for: waits.failed())
                }
            }
        }
    }

    private func apply(_ desired: DesiredState) async {
        admission.deny(Set(desired.denied))
        host.apply(desired)
        changed.ring()
        dialer?.setGateways(desired.gateways.map { LinkPeer(id: $0.id, address: $0.address) })
        await operations.receive(desired.operations + (desired.restarts ?? []))
        for worker in desired.workers where worker.refusal != nil {
            logger.error(
                "the control plane does not accept this runtime",
                metadata: ["runtime.name": "\(worker.runtime)", "release.name": "\(worker.release)", "error.reason": "\(worker.refusal ?? "")"])
        }
        logger.info(
            "desired state",
            metadata: ["generation": "\(desired.generation)", "agent.state": "\(host.agentState.rawValue)", "count": "\(desired.gateways.count)"])
    }
}
