import NIOCore
import Reactor
import Telemetry

/// A request of a key or tenant with a quota of which this gateway holds nothing: the first one of a day, or one that came faster than leases do. Or one
/// that needs more of a limit of the minute than this gateway's part of it.
extension RelayedRequest {
    /// False when there is nothing to wait for, or too many wait already.
    func awaitLease(_ fault: LimitFault) -> Bool {
        guard let time = leaseTime(fault), let leases = loop.leases, leases.isReachable, !loop.isDraining, loop.leaseWaits.add(self) else {
            return false
        }
        phase = .leasing(since: Reactor.now, until: Reactor.now + time)
        loop.metrics.limits.leaseWaits.increment()
        leases.ring()
        return true
    }

    /// Nil: what is asked for does not come so soon.
    private func leaseTime(_ fault: LimitFault) -> TimeAmount? {
        if fault.mayBeLeased { return .seconds(Int64(loop.settings.leaseTime)) }
        guard fault.isAbovePart, let time = fault.retryAfter, time <= MinuteShare.loanTime else { return nil }
        return .microseconds(time)
    }

    /// Looks whether the limits have room now.
    ///
    /// - Parameter isLast: There is no more time to wait.
    func retryLimits(isLast: Bool) {
        guard case .leasing = phase, let plan else { return }
        let subject = loop.subject(key, plan.model)
        let now = Reactor.now.microseconds
        switch key.limits.reserve(plan.ask(price, now: now)) {
        case .granted(let reservation, let standing):
            endLeaseWait()
            self.reservation = reservation
            kept.standing = standing
            admitted(plan, subject, now: now)
        case .refused(let refusal):
            if !isLast, let leases = loop.leases, leases.isReachable {
                if refusal.fault.mayBeLeased { return leases.ring() }
                // Others are asked for it in their own time.
                if refusal.fault.isAbovePart { return }
            }
            endLeaseWait()
            refuse(refusal, subject)
        }
    }

    /// Whether it will be known later whose failure it is: when other gateways have, or have not, left the rest of the limit, or nobody could tell.
    func isUndecided(_ refusal: LimitRefusal, _ subject: UsageSubject) -> Bool {
        guard refusal.fault.mayBeLent, loop.leases != nil, let plan else { return false }
        let limits = key.limits
        let holder = refusal.isOwn ? limits.own : limits.tenant
        // Its part covers the rest.
        let covered = refusal.fault.isAbovePart ? holder.minuteShare.part.tokenBurst : 0
        return loop.undecided.add(
            holder, subject, refusal.fault.kind, tokens: max(0, plan.reservedTokens - covered), acceptedAt: arriving.acceptedAt,
            now: Reactor.now.microseconds)
    }

    func endLeaseWait() {
        if case .leasing(let since, _) = phase { kept.leasedFor += (Reactor.now - since).nanoseconds / 1000 }
        phase = .over
        loop.leaseWaits.remove(self)
    }
}
