import Domain
import Synchronization

/// What a limit says to one request.
enum LimitVerdict: Sendable {
    case granted(LimitStanding)
    case refused(LimitRefusal)
}

/// Why and for how long.
struct LimitRefusal: Sendable {
    enum Kind: Sendable {
        case requests
        case tokens
        case concurrency
    }

    var kind: Kind
    /// Microseconds; nil when waiting does not help.
    var retryAfter: Int64?
    var standing: LimitStanding
}

/// Numbers for the rate limit headers. Resets are microseconds.
struct LimitStanding: Sendable {
    var requestLimit: Int64 = 0
    var requestsLeft: Int64 = 0
    var requestReset: Int64 = 0
    var tokenLimit: Int64 = 0
    var tokensLeft: Int64 = 0
    var tokenReset: Int64 = 0
}

/// Requests a minute, tokens a minute and requests at once of one holder, shared by all loops. Times are microseconds, monotonic.
final class Allowance: Sendable {
    struct Caps: Sendable, Equatable {
        var requests: Int
        var tokens: Int
        var concurrent: Int
    }

    private struct State: Sendable {
        var requests: TokenBucket
        var tokens: TokenBucket
        var concurrent: Int
        var running = 0
    }

    private let state: Mutex<State>

    init(_ caps: Caps, now: Int64) {
        state = Mutex(
            State(
                requests: TokenBucket(limit: caps.requests, now: now), tokens: TokenBucket(limit: caps.tokens, now: now),
                concurrent: caps.concurrent))
    }

    func change(_ caps: Caps, now: Int64) {
        state.withLock { state in
            if state.requests.limit != Int64(caps.requests) { state.requests.change(limit: caps.requests, now: now) }
            if state.tokens.limit != Int64(caps.tokens) { state.tokens.change(limit: caps.tokens, now: now) }
            state.concurrent = caps.concurrent
        }
    }

    /// Tokens a minute.
    var tokenLimit: Int { state.withLock { Int($0.tokens.limit) } }

    func reserve(tokens: Int, now: Int64) -> LimitVerdict {
        state.withLock { state in
            guard state.running < state.concurrent else { return refused(.concurrency, 1_000_000, &state, now) }
            switch state.requests.reserve(1, now: now) {
            case .granted: break
            case .wait(let time): return refused(.requests, time, &state, now)
            case .tooLarge: return refused(.requests, nil, &state, now)
            }
            switch state.tokens.reserve(tokens, now: now) {
            case .granted: break
            case .wait(let time):
                state.requests.refund(1, now: now)
                return refused(.tokens, time, &state, now)
            case .tooLarge:
                state.requests.refund(1, now: now)
                return refused(.tokens, nil, &state, now)
            }
            state.running += 1
            return .granted(standing(&state, now))
        }
    }

    /// The request is over. A request that never was admitted gives its place among the requests back too.
    func settle(reserved: Int, used: Int, countsRequest: Bool, now: Int64) {
        state.withLock { state in
            state.running -= 1
            state.tokens.settle(reserved: reserved, used: used, now: now)
            if !countsRequest { state.requests.refund(1, now: now) }
        }
    }

    private func refused(_ kind: LimitRefusal.Kind, _ after: Int64?, _ state: inout State, _ now: Int64) -> LimitVerdict {
        .refused(LimitRefusal(kind: kind, retryAfter: after, standing: standing(&state, now)))
    }

    private func standing(_ state: inout State, _ now: Int64) -> LimitStanding {
        LimitStanding(
            requestLimit: state.requests.limit, requestsLeft: state.requests.remaining(now: now), requestReset: state.requests.reset(now: now),
            tokenLimit: state.tokens.limit, tokensLeft: state.tokens.remaining(now: now), tokenReset: state.tokens.reset(now: now))
    }
}

/// All that bounds a key: its tenant's allowance, its own where it has one, and its tenant's budget for retries.
final class KeyLimits: Sendable {
    private let tenant: Allowance
    private let own: Allowance?
    private let retries: Mutex<RetryBudget>

    init(tenant: Allowance, own: Allowance?, now: Int64) {
        self.tenant = tenant
        self.own = own
        retries = Mutex(RetryBudget(now: now))
    }

    func reserve(tokens: Int, now: Int64) -> LimitVerdict {
        let verdict = tenant.reserve(tokens: tokens, now: now)
        guard let own, case .granted = verdict else {
            if case .granted = verdict { retries.withLock { $0.noteRequest(now: now) } }
            return verdict
        }
        let ownVerdict = own.reserve(tokens: tokens, now: now)
        if case .refused = ownVerdict {
            tenant.settle(reserved: tokens, used: 0, countsRequest: false, now: now)
        } else {
            retries.withLock { $0.noteRequest(now: now) }
        }
        return ownVerdict
    }

    func settle(reserved: Int, used: Int, countsRequest: Bool = true, now: Int64) {
        tenant.settle(reserved: reserved, used: used, countsRequest: countsRequest, now: now)
        own?.settle(reserved: reserved, used: used, countsRequest: countsRequest, now: now)
    }

    /// Tokens a minute that one request could ever reserve at this gateway.
    var tokenLimit: Int { min(tenant.tokenLimit, own?.tokenLimit ?? .max) }

    func takeRetry(now: Int64) -> Bool {
        retries.withLock { $0.takeRetry(now: now) }
    }
}
