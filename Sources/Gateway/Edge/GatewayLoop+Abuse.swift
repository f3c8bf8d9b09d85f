import Domain
import NIOCore
import OpenAIWire
import PlimsollWire
import Telemetry

extension GatewayLoop {
    /// Whose connection it is; nil when it came by a socket without addresses, or when a proxy stands in front.
    func address(of context: ChannelHandlerContext?) -> NetworkAddress? {
        settings.isBehindProxy ? nil : NetworkAddress(context?.remoteAddress)
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
    func applyRules(to plan: RequestPlan, _ key: CustomerKey) throws(APIError) {
        guard let rules = key.contentRules else { return }
        let verdict = plan.rest.withUnsafeReadableBytes { ruleDesk.judge($0, rules.sets, tenant: key.tenant.id) }
        guard case .refused(let message) = verdict else { return }
        metrics.promptsRefused.increment()
        throw APIError(.contentRefused, message: message)
    }

    /// What was noticed since the last call.
    func takeAbuse() -> (hits: [RuleDesk.Hit: Int], locks: Int) {
        let locks = failedKeys.locks - reportedLocks
        reportedLocks = failedKeys.locks
        return (ruleDesk.takeHits(), locks)
    }
}

extension NetworkAddress {
    /// Nil for sockets without one.
    init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        // A link-local address names its interface.
        self.init(text.prefix { $0 != "%" })
    }
}
