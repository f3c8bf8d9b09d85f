import Domain
import OpenAIWire
import PlimsollWire

extension RequestDecision {
    /// Of a request that was never routed.
    init(_ refusal: RefusalTrace) {
        self.init(
            requestId: refusal.requestId.description, acceptedAt: refusal.acceptedAt, queuedFor: 0, promptTokens: refusal.promptTokens,
            cachedTokens: 0, candidates: [], attempts: [], fault: Fault(refusal.code.fault).rawValue)
        leasedFor = refusal.leasedFor
        self.refusal = Refusal(
            code: refusal.code.rawValue, status: refusal.status, param: refusal.param, tenant: refusal.key?.tenant.id, key: refusal.key?.id,
            tier: refusal.key?.tier.name, model: refusal.model?.entry.name, refusedAfter: refusal.refusedAfter, retryAfter: refusal.retryAfter)
    }
}
