import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire
import Reactor
import Telemetry

extension GatewayLoop {
    /// What the customer is to blame for takes its place of the minute all the same, so that a flood of it ends at the customer's own limit.
    /// Not from an address that the key may not be used from: whoever has found a key must not use up its places.
    ///
    /// Nil: it had one, or takes none.
    ///
    /// - Parameters:
    ///   - now: Microseconds of the loop's clock.
    ///   - acceptedAt: Microseconds since 1970.
    func takePlace(of error: APIError, _ key: CustomerKey, now: Int64, acceptedAt: Int64) -> LimitRefusal? {
        guard error.code.fault == .customer, error.code != .addressNotAllowed else { return nil }
        // What rules and the plan's caps refuse is in the minutes of its model.
        if ![.contentRefused, .promptTooLong].contains(error.code) {
            meter.refuse(subject(withoutModel: key), outcome: .clientError, acceptedAt: acceptedAt)
        }
        switch key.limits.reserve(LimitAsk(tokens: 0, spend: 0, now: now)) {
        case .refused(let refusal): return refusal
        case .granted(let reservation, _):
            key.limits.settle(reservation, tokens: 0, spend: 0, now: now)
            return nil
        }
    }

    /// The answer to a request that is refused before it has been read whole: why, or that it had no place left in its minute.
    ///
    /// - Parameters:
    ///   - status: Where it is not the error's own.
    ///   - acceptedAt: Microseconds since 1970.
    ///   - key: Nil: no good one is known.
    ///   - allow: Methods that the path has.
    func refusal(
        _ error: APIError, status: Int? = nil, _ id: RequestId, acceptedAt: Int64, key: CustomerKey?, shape: ErrorShape, allow: StaticString? = nil
    ) -> (AnswerHead, ByteBuffer) {
        let limit = key.flatMap { takePlace(of: error, $0, now: Reactor.now.microseconds, acceptedAt: acceptedAt) }
        guard let limit, let key else {
            var (head, body) = told(error, status: status, id, acceptedAt: acceptedAt, key: key, shape: shape)
            head.allow = allow
            return (head, body)
        }
        return refusal(limit, id, acceptedAt: acceptedAt, key: key, shape: shape)
    }

    /// The answer to a request whose head is all that was read of it.
    private func refusal(
        _ limit: LimitRefusal, _ id: RequestId, acceptedAt: Int64, key: CustomerKey, shape: ErrorShape
    ) -> (AnswerHead, ByteBuffer) {
        let answer = LimitAnswer(limit, key)
        metrics.rateLimited.increment()
        metrics.limits.count(limit.fault.kind)
        var (head, body) = told(answer.error, id, acceptedAt: acceptedAt, key: key, shape: shape)
        (head.standing, head.retryAfter) = (limit.standing, answer.retryAfter ?? head.retryAfter)
        return (head, body)
    }

    /// Bodies up to this length are let come: a connection goes on behind them, and the model counts the refusal.
    private static let shortBody = 64 * 1024

    /// The answer to a request that cannot be admitted whatever its long body asks for: that would be sent and read for nothing. Nil: it is not so, or what the
    /// refusal counts as depends on others, which is told by its model.
    func refusalOfFull(_ head: RequestHead, _ arriving: ArrivingRequest) -> (AnswerHead, ByteBuffer)? {
        switch head.framing {
        case .none: return nil
        case .length(let length) where length <= Self.shortBody: return nil
        case .length, .chunked, .untilClose: break
        }
        let key = arriving.key
        guard let limit = key.limits.full(now: Reactor.now.microseconds), (limit.isOwn ? key.limits.own : key.limits.tenant).holdsAllThereIs else {
            return nil
        }
        meter.refuse(subject(withoutModel: key), outcome: limit.fault.outcome, acceptedAt: arriving.acceptedAt)
        return refusal(limit, arriving.requestId, acceptedAt: arriving.acceptedAt, key: key, shape: arriving.errorShape)
    }

    private func told(
        _ error: APIError, status: Int? = nil, _ id: RequestId, acceptedAt: Int64, key: CustomerKey?, shape: ErrorShape
    ) -> (AnswerHead, ByteBuffer) {
        refusals.note(RefusalTrace(error, status: status, id, acceptedAt: acceptedAt, key: key))
        let error = error.told(in: shape)
        var head = AnswerHead(error, id)
        head.status = status ?? error.status
        metrics.countRefusal(status: head.status)
        return (head, ByteBuffer(bytes: error.body))
    }
}
