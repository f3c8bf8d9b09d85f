import Domain
import OpenAIWire
import PlimsollWire

extension RelayedRequest {
    /// How long a request that is asked to come later stays away at least, microseconds. Mitigations are held for minutes.
    private static let pause: Int64 = 20_000_000

    /// Throws when a mitigation asks such requests to come later. The customer did nothing wrong: it counts as ours.
    func applyRelief(_ plan: RequestPlan) throws(APIError) {
        guard let relief = key.relief else { return }
        if plan.asked !== plan.model { loop.metrics.count(.fallback) }
        if plan.isCapped { loop.metrics.count(.capped) }
        guard let effect = relief.refusal(plan.asked.entry.name, promptTokens: plan.facts.estimatedPromptTokens) else { return }
        loop.metrics.count(effect)
        loop.meter.refuse(loop.subject(key, plan.asked), outcome: .shed, acceptedAt: arriving.acceptedAt)
        kept.retryAfter = spread(Self.pause)
        let message =
            effect == .shed
            ? "Requests of the plan \(key.tier.name) to this model are paused for a while; try again later."
            : "Long prompts of the plan \(key.tier.name) to this model are paused for a while; send a shorter one or try again later."
        throw APIError(.overCapacity, message: message)
    }
}
