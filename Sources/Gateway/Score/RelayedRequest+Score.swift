import OpenAIWire
import PlimsollWire

extension GatewayLoop {
    /// Which desk judges the answer to a request; nil: it is not in the sample. Where no fallback is in force that is one look at the key.
    func sampler(_ key: CustomerKey, _ asked: ModelRoute, _ endpoint: GenerationEndpoint) -> ScoreDesk? {
        guard let fallbacks = key.fallbacks, let scoreDesk, endpoint.generates, fallbacks.touches(asked.entry.name),
            Int.random(in: 0..<100, using: &random) < settings.fallbackScorePercent, scoreDesk.takePlace()
        else { return nil }
        return scoreDesk
    }
}

extension RelayedRequest {
    private static let hour: Int64 = 3_600_000_000

    /// Has an answer of the sample judged that has ended, where a fallback served it.
    func score(_ sample: AnswerSample, _ ending: Ending) {
        guard let plan, let isBroken = isBrokenAnswer(ending),
            let mitigation = key.fallbacks?.mitigation(
                asked: plan.asked.entry.name, served: plan.model.entry.name, worker: (attempt?.worker ?? worker)?.entry)
        else { return }
        sample.end(
            at: EndedAnswer.Place(
                mitigation: mitigation, model: plan.model.entry.name, tier: key.tier.name, region: loop.settings.region,
                hour: LoopClock.wallMicroseconds() / Self.hour),
            finishReason: finishReason, isBroken: isBroken)
    }

    /// Whether it ended in its middle for want of its worker. Nil: it says nothing of the fallback, as where the client left, none of it was told, or it
    /// ended for the gateway's own sake.
    private func isBrokenAnswer(_ ending: Ending) -> Bool? {
        switch ending {
        case .whole, .stream: false
        case .failed(let error) where headSent && deliveredTokens > 0 && error.code != .overCapacity:
            error.code.fault == .host || error.code.fault == .runtime ? true : nil
        case .failed, .clientGone: nil
        }
    }
}
