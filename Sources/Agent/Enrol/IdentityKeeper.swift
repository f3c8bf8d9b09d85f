import Cryptography
import FoundationEssentials
import Link
import Logging
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Telemetry

/// Holds this host's identity, renews it as told, and makes the calls that need it.
package final class IdentityKeeper: Service {
    private let client: ControlPlaneClient
    private let state: StateDirectory
    private let held: Mutex<HostIdentity>
    private let credentials: LinkCredentials
    private let clock: any Clock<Duration>
    private let date: @Sendable () -> Date
    private let logger: Logger

    /// - Parameters:
    ///   - clock: what pauses run by.
    ///   - date: the wall clock, which certificates live by.
    init(
        identity: HostIdentity, client: ControlPlaneClient, state: StateDirectory, credentials: LinkCredentials,
        clock: any Clock<Duration> = ContinuousClock(), date: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        held = Mutex(identity)
        self.client = client
        self.state = state
        self.credentials = credentials
        self.clock = clock
        self.date = date
        self.logger = logger
    }

    package var current: HostIdentity { held.withLock { $0 } }

    func heartbeat(_ heartbeat: Heartbeat) async throws(AgentError) -> HeartbeatResponse {
        try await client.heartbeat(heartbeat, as: current)
    }

    func desiredState(after generation: Int64, wait: Int) async throws(AgentError) -> DesiredState? {
        try await client.desiredState(after: generation, wait: wait, as: current)
    }

    func report(_ results: OperationResults) async throws(AgentError) {
        try await client.report(results, as: current)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var backoff = Backoff(minimum: .seconds(2), maximum: .seconds(300))
            while !Task.isCancelled {
                await self.sleepUntilRenewal()
                guard !Task.isCancelled else { return }
                await self.renew(&backoff)
            }
        }
    }

    /// In steps, because the wall clock that certificates live by can jump.
    private func sleepUntilRenewal() async {
        while !Task.isCancelled {
            let left = current.renewAt.timeIntervalSince(date())
            guard left > 0 else { return }
            // Cancellation ends the pause; the caller looks.
            try? await clock.sleep(for: .seconds(min(left, 30)))
        }
    }

    private func renew(_ backoff: inout Backoff) async {
        do throws(AgentError) {
            let renewed = try await renewed(current)
            held.withLock { $0 = renewed }
            backoff.reset()
            logger.info("certificate renewed", metadata: ["certificate.not_after": "\(renewed.credentials.notAfter.ISO8601Format())"])
        } catch {
            explain(error)
            // Cancellation ends the pause; the caller looks.
            try? await clock.sleep(for: backoff.next())
        }
    }

    private func renewed(_ old: HostIdentity) async throws(AgentError) -> HostIdentity {
        let request = RenewalRequest(
            certificateRequestPem: try Enrolment.certificateRequest(old.key), joinState: old.credentials.joinState, bootId: KernelText.bootId)
        let identity = try HostIdentity(key: old.key, fresh: try await client.renew(request, as: old), at: date())
        try identity.save(to: state)
        do throws(LinkError) {
            try credentials.replace(
                certificateChainPem: identity.credentials.certificateChainPem, privateKeyPem: identity.key.pem,
                authoritiesPem: identity.credentials.authoritiesPem)
        } catch {
            throw AgentError(.untrusted, "the new certificate cannot be used on links: \(error.message)", cause: error)
        }
        return identity
    }

    private func explain(_ error: AgentError) {
        let notAfter = current.credentials.notAfter.ISO8601Format()
        guard current.isExpired else {
            logger.warning(
                "certificate cannot be renewed yet", metadata: ["error.reason": "\(error.message)", "certificate.not_after": "\(notAfter)"])
            return
        }
        logger.error(
            "the certificate has expired: gateways refuse this host until the control plane renews it. If it does not, remove the state directory's key and credentials and join again with a new token",
            metadata: ["error.reason": "\(error.message)", "certificate.not_after": "\(notAfter)", "file.path": "\(state.path)"])
    }
}
