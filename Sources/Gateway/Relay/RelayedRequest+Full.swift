import Domain
import NIOCore
import OpenAIWire
import Reactor

extension RelayedRequest {
    /// Where the key or its tenant has no place left for any request, only the model of this one is looked for, in whose minute its refusal counts: it is neither
    /// masked nor held against rules.
    ///
    /// - Returns: False: nothing has been said of it, and it may have room.
    func isRefusedUnmasked(_ body: ByteBuffer) -> Bool {
        // A capture keeps what was masked.
        guard key.masking != nil || key.contentRules != nil, key.captures == nil else { return false }
        let (limits, now) = (key.limits, Reactor.now.microseconds)
        guard limits.full(now: now) != nil else { return false }
        do throws(APIError) {
            let plan = try RequestPlan.make(body, arriving: arriving, loop: loop)
            let subject = loop.subject(key, plan.model)
            switch limits.reserve(plan.ask(subject.prices(isBatch: plan.facts.isBatch)?.version(at: arriving.acceptedAt), now: now)) {
            case .granted(let reservation, _):
                limits.release(reservation, now: now)
                return false
            // A place came free meanwhile, and for what is short now it may wait.
            case .refused(let refusal) where ![LimitFault.Kind.requests, .concurrency].contains(refusal.fault.kind) || refusal.fault.isAbovePart:
                return false
            case .refused(let refusal):
                self.plan = plan
                refuse(refusal, subject)
            }
        } catch {
            refuse(error)
        }
        return true
    }
}
