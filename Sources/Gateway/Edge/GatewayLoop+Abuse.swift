import Domain
import NIOCore
import OpenAIWire
import PlimsollWire
import Telemetry

extension GatewayLoop {
    /// Whose request it is; nil when it came by a socket without addresses, or from a proxy that does not say.
    ///
    /// - Parameters:
    ///   - peer: Who is connected.
    ///   - fields: Where the values of a field stand in `bytes`.
    func customer(_ peer: NetworkAddress?, _ bytes: UnsafeRawBufferPointer, _ fields: (StaticString) -> [Range<Int>]) -> NetworkAddress? {
        // A proxy of which nothing is known stands in front.
        if settings.isBehindProxy, settings.trust.isEmpty { return nil }
        guard settings.trust.isProxy(peer) else { return peer }
        guard let field = settings.forwardedField else { return nil }
        return settings.trust.customer(nodes: field.nodes(bytes, fields(field.name)))
    }

    /// A key was refused. Whoever tries many that do not exist is told to wait, whatever the key was, so that nothing is learnt of it; a valid
    /// key never comes here.
    func refusedKey(isUnknown: Bool, from client: NetworkAddress?) -> APIErrorCode {
        guard let client else { return .invalidAPIKey }
        let now = Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000_000)
        let isLocked = failedKeys.isLocked(client, now: now)
        if isUnknown { failedKeys.failed(client, now: now) }
        if isLocked { metrics.keysRefusedUnseen.increment() }
        return isLocked ? .tooManyFailedKeys : .invalidAPIKey
    }

    /// Throws when a rule refuses the request. Its text is looked at only where there are rules.
    ///
    /// - Parameter judgement: Of another thread that has done it, or of the text before it was masked; nil: it is to be done here.
    func applyRules(to plan: RequestPlan, _ key: CustomerKey, _ judgement: RuleDesk.Judgement?) throws(APIError) {
        guard let rules = key.contentRules else { return }
        // Nobody here knows what they say.
        if plan.facts.promptNumbers > 0, rules.canRefuse {
            metrics.promptsRefused.increment()
            throw APIError(
                .contentRefused, message: "Token numbers cannot be held against the rules of this service: send text.", param: plan.facts.promptParam)
        }
        let verdict: RuleDesk.Verdict
        if let judgement {
            ruleDesk.note(judgement.hits)
            verdict = judgement.verdict
        } else {
            verdict = plan.rest.withUnsafeReadableBytes { ruleDesk.judge($0, rules.sets, tenant: key.tenant.id) }
        }
        guard case .refused(let message) = verdict else { return }
        metrics.promptsRefused.increment()
        throw APIError(.contentRefused, message: message)
    }

    /// What rules say of a body as it came, of which a mask hides something.
    func judge(_ body: consuming ByteBuffer, _ arriving: ArrivingRequest) throws(APIError) -> RuleDesk.Judgement? {
        guard let rules = arriving.key.contentRules else { return nil }
        var body = body
        _ = try BodyWords.reword(&body, arriving.endpoint, within: settings.json)
        let facts = try BodyReading.read(body, endpoint: arriving.endpoint, scan: scan, options: optionsScan)
        let removed = BodyReading.removed(facts, scan)
        let verdict = body.withUnsafeReadableBytes { ruleDesk.judge($0, without: removed, rules.sets, tenant: arriving.key.tenant.id) }
        return RuleDesk.Judgement(verdict: verdict, hits: [:])
    }

    /// What was noticed since the last call.
    func takeHits() -> [RuleDesk.Hit: Int] {
        ruleDesk.takeHits()
    }
}
