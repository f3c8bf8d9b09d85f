import NIOCore
import Reactor
import Telemetry

/// A request of a key or tenant with a quota of which this gateway holds nothing: the first one of a day, or one that came faster than leases do.
extension RelayedRequest {
    /// False when there is nothing to wait for, or too many wait already.
    func awaitLease() -> Bool {
        guard let leases = loop.leases, leases.isReachable, !loop.isDraining, loop.leaseWaits.add(self) else { return false }
        phase = .leasing(until: Reactor.now + .seconds(Int64(loop.settings.leaseTime)))
        loop.metrics.limits.leaseWaits.increment()
        leases.ring()
        return true
    }

    /// Looks whether the limits have room now.
    ///
    /// - Parameter isLast: There is no more time to wait.
    func retryLimits(isLast: Bool) {
        guard case .leasing = phase, let plan else { return }
        let subject = loop.subject(arriving.key, plan.model)
        let now = Reactor.now.microseconds
        switch arriving.key.limits.reserve(LimitAsk(plan, price, now: now)) {
        case .granted(let reservation, let standing):
            endLeaseWait()
            self.reservation = reservation
            self.standing = standing
            admitted(plan, subject, now: now)
        case .refused(let refusal):
            if !isLast, refusal.fault.mayBeLeased, let leases = loop.leases, leases.isReachable { return leases.ring() }
            endLeaseWait()
            refuse(refusal, subject)
        }
    }

    /// Whether it will be known later whose failure it is: when other gateways have, or have not, left the rest of the limit, or nobody could tell.
    func isUndecided(_ refusal: LimitRefusal, _ subject: UsageSubject) -> Bool {
        guard refusal.fault.mayBeLent, loop.leases != nil, let plan else { return false }
        let limits = arriving.key.limits
        return loop.undecided.add(
            refusal.isOwn ? limits.own : limits.tenant, subject, refusal.fault.kind, tokens: plan.reservedTokens, acceptedAt: arriving.acceptedAt,
            now: Reactor.now.microseconds)
    }

    func endLeaseWait() {
        phase = .over
        loop.leaseWaits.remove(self)
    }
}
