import Cryptography
import Domain
import FoundationEssentials
package import Link
package import Logging
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Telemetry

/// Holds this gateway's identity, renews it as told, and makes the calls that need it.
package final class GatewayIdentityKeeper: Service {
    private let client: ControlPlaneClient
    private let folder: String
    private let advertise: String
    private let held: Mutex<GatewayIdentity>
    private let credentials: LinkCredentials
    private let logger: Logger

    /// - Parameter credentials: Those of the link listener; replaced at each renewal.
    package init(
        identity: GatewayIdentity, client: ControlPlaneClient, folder: String, advertise: String, credentials: LinkCredentials, logger: Logger
    ) {
        held = Mutex(identity)
        self.client = client
        self.folder = folder
        self.advertise = advertise
        self.credentials = credentials
        self.logger = logger
    }

    package var current: GatewayIdentity { held.withLock { $0 } }

    /// For `TablePuller`.
    package var fetchTable: TablePuller.Fetch {
        { since, wait in try await self.client.table(since: since, wait: wait, as: self.current) }
    }

    /// For `UsageShipper`.
    package var sendUsage: UsageShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `MinuteShipper`.
    package var sendMinutes: MinuteShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `AbuseShipper`.
    package var sendAbuse: AbuseShipper.Send {
        { report in try await self.client.store(report, as: self.current) }
    }

    /// For `CaptureDesk`.
    package var askCaptures: CaptureDesk.Ask {
        { call in try await self.client.ask(call, as: self.current) }
    }

    /// For `CaptureShipper`.
    package var sendCaptures: CaptureShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `DecisionShipper`.
    package var sendDecisions: DecisionShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `StatusPuller`.
    package var fetchStatus: StatusPuller.Fetch {
        { since, wait in try await self.client.status(since: since, wait: wait, as: self.current) }
    }

    /// For `FleetShipper`.
    package var sendFleet: FleetShipper.Send {
        { report in try await self.client.store(report, as: self.current) }
    }

    /// For `ProbeShipper`.
    package var sendProbes: ProbeShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `ScoreShipper`.
    package var sendScores: ScoreShipper.Send {
        { batch in try await self.client.store(batch, as: self.current) }
    }

    /// For `LeaseKeeper`.
    package var exchangeLeases: LeaseKeeper.Exchange {
        { request in try await self.client.exchange(request, as: self.current) }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let backoff = Backoff(first: .seconds(2), cap: .seconds(300))
            var generator = SystemRandomNumberGenerator()
            var failures = 0
            while !Task.isCancelled {
                await self.sleepUntilRenewal()
                guard !Task.isCancelled else { return }
                if await self.renew() {
                    failures = 0
                    continue
                }
                failures += 1
                // Cancellation ends the pause; the loop looks.
                try? await Task.sleep(for: backoff.delay(afterFailures: failures, using: &generator))
            }
        }
    }

    /// In steps, because the wall clock that certificates live by can jump.
    private func sleepUntilRenewal() async {
        while !Task.isCancelled {
            let left = current.renewAt.timeIntervalSinceNow
            guard left > 0 else { return }
            // Cancellation ends the pause; the loop looks.
            try? await Task.sleep(for: .seconds(min(left, 30)))
        }
    }

    private func renew() async -> Bool {
        do {
            let old = current
            let request = RenewalRequest(
                certificateRequestPem: try GatewayEnrolment.certificateRequest(old.key), joinState: old.credentials.joinState,
                bootId: KernelText.bootId, advertise: advertise)
            let fresh = try old.renewed(try await client.renew(request, as: old))
            // On disk first: the counter in it counts once.
            try fresh.save(to: folder)
            held.withLock { $0 = fresh }
            try credentials.replace(
                certificateChainPem: fresh.credentials.certificateChainPem, privateKeyPem: fresh.key.pem,
                authoritiesPem: fresh.credentials.authoritiesPem)
            logger.info("certificate renewed", metadata: ["certificate.not_after": "\(fresh.credentials.notAfter.ISO8601Format())"])
            return true
        } catch {
            let reason = (error as? EnrolmentError)?.message ?? "\(type(of: error))"
            let isExpired = current.credentials.notAfter <= Date()
            logger.log(
                level: isExpired ? .error : .warning, "certificate not renewed",
                metadata: ["error.reason": "\(reason)", "certificate.expired": "\(isExpired)"])
            return false
        }
    }
}
