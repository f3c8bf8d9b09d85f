import Domain

/// What one request asks of the limits that hold for it.
struct LimitAsk: Sendable {
    /// The most that it can need: prompt and longest answer.
    var tokens: Int
    /// What that costs, pico-US-dollars.
    var spend: Int64
    /// Microseconds, monotonic.
    var now: Int64
}

/// What was taken for one request, to be settled once, however it ends.
struct LimitReservation: Sendable {
    var tokens: Int
    var spend: Int64
    /// Microseconds, monotonic: the older it is, the less of it is given back to the minute.
    var reservedAt: Int64
    fileprivate var day: Int64
    fileprivate var month: Int64
    /// What a token took of the buckets of the minute.
    fileprivate var tenantUnit: Int64
    fileprivate var ownUnit: Int64
    fileprivate var tenantCounted: QuotaKinds = []
    fileprivate var ownCounted: QuotaKinds = []

    fileprivate func amount(_ kind: QuotaKind) -> Int64 { kind == .spendPerMonth ? spend : Int64(tokens) }

    fileprivate func number(_ kind: QuotaKind) -> Int64 { kind.period == .day ? day : month }
}

/// What a limit says to one request.
enum LimitVerdict: Sendable {
    case granted(LimitReservation, LimitStanding)
    case refused(LimitRefusal)
}

/// A limit that has no room.
struct LimitFault: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case requests = "requests_per_minute"
        case tokens = "tokens_per_minute"
        case concurrency = "concurrent_requests"
        case tokensPerDay = "tokens_per_day"
        case tokensPerMonth = "tokens_per_month"
        case spendPerMonth = "spend_per_month"

        init(_ kind: QuotaKind) {
            switch kind {
            case .tokensPerDay: self = .tokensPerDay
            case .tokensPerMonth: self = .tokensPerMonth
            case .spendPerMonth: self = .spendPerMonth
            }
        }
    }

    var kind: Kind
    /// Microseconds; nil when waiting does not help.
    var retryAfter: Int64?
    /// The window has room, but this gateway holds no lease on it: one has been asked for.
    var mayBeLeased = false
    /// What was agreed has room, but less is left of it for a while.
    var isWithheld = false
    /// This gateway's part is too small for it, what was agreed is not: more has been asked for.
    var isAbovePart = false
    /// This gateway's part has no room. Whether others leave the rest is known when they lend it.
    var mayBeLent = false

    /// A quota that is not used up, as far as is known, and of which nothing could be lent, or all of which is not left: the customer is inside it, and the
    /// failure is ours.
    var outcome: Outcome { mayBeLeased ? .shed : isWithheld ? .throttled : .quota }

    init(_ kind: Kind, retryAfter: Int64?) {
        self.kind = kind
        self.retryAfter = retryAfter
    }
}

/// Why a request is not admitted, and for how long.
struct LimitRefusal: Sendable {
    var fault: LimitFault
    /// The key's own limit has no room, else its tenant's.
    var isOwn: Bool
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

    /// Of each limit the one that leaves less.
    func narrower(_ other: LimitStanding) -> LimitStanding {
        var result = self
        if other.requestsLeft < requestsLeft {
            (result.requestLimit, result.requestsLeft, result.requestReset) = (other.requestLimit, other.requestsLeft, other.requestReset)
        }
        if other.tokensLeft < tokensLeft {
            (result.tokenLimit, result.tokensLeft, result.tokenReset) = (other.tokenLimit, other.tokensLeft, other.tokenReset)
        }
        return result
    }
}

/// All that bounds a key: its tenant's limits, its own where it has some, and its tenant's budget for retries. Made anew with each table; what was
/// taken is in the holders.
final class KeyLimits: Sendable {
    let tenant: LimitHolder
    let own: LimitHolder
    /// The key has limits of the minute of its own. What it uses is counted for itself in any case.
    let hasOwnMinute: Bool
    let file: LimitFile

    init(tenant: LimitHolder, own: LimitHolder, hasOwnMinute: Bool, file: LimitFile) {
        self.tenant = tenant
        self.own = own
        self.hasOwnMinute = hasOwnMinute
        self.file = file
    }

    /// Takes all that the request needs, or nothing.
    func reserve(_ ask: LimitAsk) -> LimitVerdict {
        let (tenantUnit, ownUnit) = (tenant.tokenUnit, own.tokenUnit)
        if let fault = tenant.reserveMinute(ask) {
            if hasOwnMinute, fault.isAbovePart { own.noteNeed(ask) }
            return refused(fault, isOwn: false, ask)
        }
        if hasOwnMinute, let fault = own.reserveMinute(ask) {
            tenant.settleMinute(reserved: ask.tokens, used: 0, unit: tenantUnit, reservedAt: ask.now, countsRequest: false, now: ask.now)
            return refused(fault, isOwn: true, ask)
        }
        // No request makes room for others: a window of which less than nothing was taken could not be told of.
        var reservation = LimitReservation(
            tokens: max(0, ask.tokens), spend: max(0, ask.spend), reservedAt: ask.now, day: file.number(.day), month: file.number(.month),
            tenantUnit: tenantUnit, ownUnit: ownUnit)
        for kind in [QuotaKind.tokensPerDay, .tokensPerMonth, .spendPerMonth] {
            let (amount, number) = (reservation.amount(kind), reservation.number(kind))
            if let fault = tenant.take(kind, amount, number: number, counted: &reservation.tenantCounted) {
                return undo(reservation, fault, isOwn: false, ask)
            }
            if let fault = own.take(kind, amount, number: number, counted: &reservation.ownCounted) {
                return undo(reservation, fault, isOwn: true, ask)
            }
        }
        return .granted(reservation, standing(now: ask.now))
    }

    /// Why no request is admitted now, whatever it asks for, as far as that can be told without it; nothing is taken. Nil: one may be.
    func full(now: Int64) -> LimitRefusal? {
        if let fault = tenant.full(now: now) { return LimitRefusal(fault: fault, isOwn: false, standing: standing(now: now)) }
        guard hasOwnMinute, let fault = own.full(now: now) else { return nil }
        return LimitRefusal(fault: fault, isOwn: true, standing: standing(now: now))
    }

    /// The request is over.
    ///
    /// - Parameters:
    ///   - tokens: What it used, billable tokens.
    ///   - spend: What that costs, pico-US-dollars.
    func settle(_ reservation: LimitReservation, tokens: Int, spend: Int64, now: Int64) {
        settle(reservation, tokens: tokens, spend: spend, countsRequest: true, now: now)
    }

    /// The request was never admitted: everything is given back, its place among the requests too.
    func release(_ reservation: LimitReservation, now: Int64) {
        settle(reservation, tokens: 0, spend: 0, countsRequest: false, now: now)
    }

    private func settle(_ reservation: LimitReservation, tokens: Int, spend: Int64, countsRequest: Bool, now: Int64) {
        let (reserved, reservedAt) = (reservation.tokens, reservation.reservedAt)
        tenant.settleMinute(
            reserved: reserved, used: tokens, unit: reservation.tenantUnit, reservedAt: reservedAt, countsRequest: countsRequest, now: now)
        if hasOwnMinute {
            own.settleMinute(
                reserved: reserved, used: tokens, unit: reservation.ownUnit, reservedAt: reservedAt, countsRequest: countsRequest, now: now)
        }
        settleWindow(.tokensPerDay, reservation, used: Int64(tokens))
        settleWindow(.tokensPerMonth, reservation, used: Int64(tokens))
        settleWindow(.spendPerMonth, reservation, used: spend)
    }

    private func settleWindow(_ kind: QuotaKind, _ reservation: LimitReservation, used: Int64) {
        let (amount, number) = (reservation.amount(kind), reservation.number(kind))
        tenant.settle(kind, taken: reservation.tenantCounted.contains(kind) ? amount : 0, used: used, number: number)
        own.settle(kind, taken: reservation.ownCounted.contains(kind) ? amount : 0, used: used, number: number)
    }

    private func undo(_ reservation: LimitReservation, _ fault: LimitFault, isOwn: Bool, _ ask: LimitAsk) -> LimitVerdict {
        release(reservation, now: ask.now)
        return refused(fault, isOwn: isOwn, ask)
    }

    private func refused(_ fault: LimitFault, isOwn: Bool, _ ask: LimitAsk) -> LimitVerdict {
        .refused(LimitRefusal(fault: fault, isOwn: isOwn, standing: standing(now: ask.now)))
    }

    /// Of each limit the narrower one of the two that hold.
    func standing(now: Int64) -> LimitStanding {
        let account = tenant.standing(now: now)
        return hasOwnMinute ? own.standing(now: now).narrower(account) : account
    }

    /// Tokens that one request could ever reserve, if other gateways lend what they have.
    var tokenLimit: Int {
        let greatest = tenant.greatestTokens
        return Int(hasOwnMinute ? min(greatest, own.greatestTokens) : greatest)
    }

    /// A request is tried for the first time: it is in the base of second tries, once, however often its limits were looked at.
    func noteRequest(now: Int64) {
        tenant.noteRequest(now: now)
    }

    func takeRetry(now: Int64) -> Bool { tenant.retries.takeRetry(now: now) }

    /// Another worker has answered it.
    func giveBackRetry(now: Int64) { tenant.retries.giveBack(now: now) }

    /// To ask a second worker about what the first one refused, out of a budget beside that for retries.
    func takeDoubt(now: Int64) -> Bool { tenant.doubts.takeRetry(now: now) }

    /// The doubt was right: what a worker did wrong is not the tenant's cost.
    func giveBackDoubt(now: Int64) { tenant.doubts.giveBack(now: now) }
}

extension LimitHolder {
    /// Both budgets for second tries grow by what is tried for the first time.
    fileprivate func noteRequest(now: Int64) {
        retries.noteRequest(now: now)
        doubts.noteRequest(now: now)
    }
}
