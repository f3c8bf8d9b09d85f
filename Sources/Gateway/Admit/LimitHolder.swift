import Domain
import Synchronization

/// Requests and tokens a minute, with the bursts that were agreed, and requests at once.
struct MinuteCaps: Sendable, Equatable {
    var requests: Int
    var requestBurst: Int
    var tokens: Int
    var tokenBurst: Int
    var concurrent: Int
}

/// One that limits hold for, a tenant or a key: what it has taken and may take. All loops count in it, and none waits for another.
///
/// Of each calendar window there are two slots, for even and odd numbers: the next window is made ready while requests of the last one still settle.
final class LimitHolder: Sendable {
    /// Words of a record behind its name.
    enum Place {
        static let requests = 8
        static let tokens = 9
        static let running = 10
        static let slots = 16
        static let slotWords = 6
        /// One for each kind: the greatest amount that was refused for want of a lease since it was looked at.
        static let wants = 54
        /// One for each kind: 1 when there is no more to lease.
        static let exhausted = 58
    }

    /// One calendar window of one kind.
    struct Slot {
        let number: LimitWords.Word
        /// Used and reserved; counted only while there is a ceiling.
        let taken: LimitWords.Word
        let used: LimitWords.Word
        /// What may be taken; the greatest integer: no limit.
        let ceiling: LimitWords.Word
        /// Until when a leased ceiling holds, microseconds of the monotonic clock.
        let leasedUntil: LimitWords.Word
        /// What other gateways have used, as the control plane told last.
        let elsewhere: LimitWords.Word

        init(_ words: LimitWords, at start: Int) {
            number = words[start]
            taken = words[start + 1]
            used = words[start + 2]
            ceiling = words[start + 3]
            leasedUntil = words[start + 4]
            elsewhere = words[start + 5]
        }
    }

    static let unlimited = Int64.max
    /// Microseconds.
    private static let leaseRetry: Int64 = 2_000_000

    /// `tenant/ID` or `key/ID`.
    let name: String
    let retries = RetryBudget()
    /// For asking twice whether a refusal is the request's fault.
    let doubts = RetryBudget()
    private let words: LimitWords
    private let file: LimitFile
    private let requests: SharedBucket
    private let tokens: SharedBucket
    private let concurrent = Atomic<Int>(0)
    /// Not looked at by requests.
    let share = Mutex(MinuteShare())
    private let short = Atomic<Bool>(false)
    /// What was agreed, for all gateways together, and the tokens at once of this gateway's part.
    private let wholeRequests = Atomic<Int64>(0)
    private let wholeTokens = Atomic<Int64>(0)
    private let wholeTokenBurst = Atomic<Int64>(0)
    private let partTokenBurst = Atomic<Int64>(0)
    /// Nil: all that was agreed is left. Looked at by requests that are refused.
    private let withheld = Mutex<WithheldCaps?>(nil)
    private let tokensPerDay = Atomic<Int64>(.max)
    private let tokensPerMonth = Atomic<Int64>(.max)
    private let spendPerMonth = Atomic<Int64>(.max)

    init(name: String, words: LimitWords, file: LimitFile) {
        self.name = name
        self.file = file
        self.words = words
        requests = SharedBucket(words.part(Place.requests, 1))
        tokens = SharedBucket(words.part(Place.tokens, 1))
    }

    // MARK: The minute

    /// - Parameters:
    ///   - part: This gateway's.
    ///   - whole: What was agreed.
    func change(_ part: MinuteCaps, of whole: MinuteCaps) {
        set { share in (share.part, share.whole) = (part, whole) }
    }

    /// Of what was agreed less is left for a while; nil: it is not.
    func withhold(_ caps: WithheldCaps?) {
        withheld.withLock { known in
            // What it has covered already is kept from one table to the next.
            if known?.caps != caps?.caps { known = caps }
        }
    }

    /// It uses no more than this, until this microsecond of the monotonic clock; nil: as much as its part.
    func promise(_ parts: RateParts?, until end: Int64 = 0) { set { share in (share.promise, share.promisedUntil) = (parts, end) } }

    /// It may use so much on top of its part, until this microsecond of the monotonic clock; nil: no more.
    func lend(_ parts: RateParts?, until end: Int64 = 0, now: Int64 = 0) { set { $0.lend(parts, until: end, now: now) } }

    var minuteShare: MinuteShare { share.withLock { $0 } }

    private func set(_ change: (inout MinuteShare) -> Void) {
        share.withLock { share in
            change(&share)
            apply(share.caps)
            let tokens = TokenBucket(limit: share.whole.tokens, burst: share.whole.tokenBurst)
            wholeRequests.store(TokenBucket(limit: share.whole.requests).limit, ordering: .relaxed)
            wholeTokens.store(tokens.limit, ordering: .relaxed)
            wholeTokenBurst.store(tokens.burst, ordering: .relaxed)
            partTokenBurst.store(TokenBucket(limit: share.part.tokens, burst: share.part.tokenBurst).burst, ordering: .relaxed)
        }
    }

    /// Whether a limit of the minute refused something since the last call.
    func takeShort() -> Bool { short.exchange(false, ordering: .relaxed) }

    /// What one request needed that was above what this gateway had, since the last call.
    func takeNeeded() -> RateParts { share.withLock { $0.takeNeeded() } }

    /// A request is refused by another limit: what it needs here too is asked for together with that.
    func noteNeed(_ ask: LimitAsk) { seek(ask) { $0.caps } }

    private func seek(_ ask: LimitAsk, beyond caps: (MinuteShare) -> MinuteCaps) {
        if share.withLock({ $0.seek(ask, beyond: caps($0)) }) != nil { short.store(true, ordering: .relaxed) }
    }

    private func apply(_ caps: MinuteCaps) {
        requests.change(TokenBucket(limit: caps.requests, burst: caps.requestBurst))
        tokens.change(TokenBucket(limit: caps.tokens, burst: caps.tokenBurst))
        concurrent.store(caps.concurrent, ordering: .relaxed)
    }

    var requestBucket: TokenBucket { requests.rule }
    var tokenBucket: TokenBucket { tokens.rule }
    var running: Int { Int(words[Place.running].value) }
    var concurrentLimit: Int { concurrent.load(ordering: .relaxed) }
    /// Tokens that one request may ever reserve, at all gateways together.
    var greatestTokens: Int64 { wholeTokenBurst.load(ordering: .relaxed) }

    /// Limits are those that were agreed; what is left is what this gateway has.
    func standing(now: Int64) -> LimitStanding {
        let (requestRule, requestState) = requests.reading
        let (tokenRule, tokenState) = tokens.reading
        return LimitStanding(
            requestLimit: wholeRequests.load(ordering: .relaxed), requestsLeft: requestRule.remaining(of: requestState, now: now),
            requestReset: requestRule.reset(of: requestState, now: now), tokenLimit: wholeTokens.load(ordering: .relaxed),
            tokensLeft: tokenRule.remaining(of: tokenState, now: now), tokenReset: tokenRule.reset(of: tokenState, now: now))
    }

    /// Takes what a request needs of the minute's limits, all of it or nothing. Nil: taken.
    func reserveMinute(_ ask: LimitAsk) -> LimitFault? {
        let running = words[Place.running]
        var count = running.value
        repeat {
            guard count < Int64(concurrentLimit) else { return short(judged(LimitFault(.concurrency, retryAfter: 1_000_000), ask)) }
        } while !running.replace(&count, by: count + 1)
        if let fault = requests.reserve(1, now: ask.now, .requests) {
            running.add(-1)
            return short(judged(fault, ask))
        }
        if let fault = tokens.reserve(ask.tokens, now: ask.now, .tokens) {
            running.add(-1)
            requests.settle(reserved: 1, used: 0, now: ask.now)
            return short(judged(fault, ask))
        }
        // What it was lent for this one it goes on to need for the next ones.
        if ask.tokens > partTokenBurst.load(ordering: .relaxed) { seek(ask) { $0.part } }
        return nil
    }

    /// Why no request has room in the minute now, whatever it asks for. Takes nothing, and notes nothing. Nil: one may have, or all that is left here is too
    /// little for any, and then it depends on the request what others are asked for.
    func full(now: Int64) -> LimitFault? {
        let most = concurrentLimit
        guard most > 0 else { return nil }
        guard words[Place.running].value < Int64(most) else { return LimitFault(.concurrency, retryAfter: 1_000_000) }
        let (rule, known) = requests.reading
        var state = known
        guard case .wait(let time) = rule.reserve(1, of: &state, now: now) else { return nil }
        return LimitFault(.requests, retryAfter: time)
    }

    /// What has no room here has none anywhere: no less is left than was agreed, and others are not known to leave more. Looked at by requests that are refused.
    var holdsAllThereIs: Bool { withheld.withLock { $0 == nil } && !share.withLock { $0.mayBeLent } }

    /// What one token takes of the bucket now.
    var tokenUnit: Int64 { tokens.rule.unit }

    private func judged(_ fault: LimitFault, _ ask: LimitAsk) -> LimitFault {
        var fault = fault
        fault.isWithheld = withheld.withLock { $0?.covers(fault.kind, ask) ?? false }
        share.withLock { share in
            fault.mayBeLent = !fault.isWithheld && share.mayBeLent
            // Waiting alone does not help: either the whole limit is too small for it, or what this gateway has of it.
            guard fault.retryAfter == nil || concurrentLimit == 0, let time = share.seek(ask, beyond: share.caps) else { return }
            fault.isAbovePart = true
            fault.retryAfter = time
        }
        return fault
    }

    private func short(_ fault: LimitFault) -> LimitFault {
        short.store(true, ordering: .relaxed)
        return fault
    }

    /// - Parameters:
    ///   - unit: What a token took when it was reserved, at the microsecond `reservedAt`.
    ///   - countsRequest: False for a request that never was admitted: it gives its place among the requests back too.
    func settleMinute(reserved: Int, used: Int, unit: Int64, reservedAt: Int64, countsRequest: Bool, now: Int64) {
        words[Place.running].add(-1)
        tokens.settle(reserved: reserved, used: used, unit: unit, reservedAt: reservedAt, now: now)
        if !countsRequest { requests.settle(reserved: 1, used: 0, reservedAt: reservedAt, now: now) }
    }

    // MARK: Calendar windows

    /// What was agreed for a whole window, whoever counts in it beside us; `unlimited`: nothing.
    func agreed(_ kind: QuotaKind) -> Int64 {
        switch kind {
        case .tokensPerDay: tokensPerDay.load(ordering: .relaxed)
        case .tokensPerMonth: tokensPerMonth.load(ordering: .relaxed)
        case .spendPerMonth: spendPerMonth.load(ordering: .relaxed)
        }
    }

    /// Of the window that is counted in now.
    func number(_ kind: QuotaKind) -> Int64 { file.number(kind.period) }

    func slot(_ kind: QuotaKind, _ number: Int64) -> Slot {
        Slot(words, at: Place.slots + (kind.index * 2 + Int(number & 1)) * Place.slotWords)
    }

    /// Takes `amount` of a window, which is not negative. Nil: taken, or not limited.
    func take(_ kind: QuotaKind, _ amount: Int64, number: Int64, counted: inout QuotaKinds) -> LimitFault? {
        let slot = slot(kind, number)
        let ceiling = slot.ceiling.value
        guard ceiling != Self.unlimited else { return nil }
        var taken = slot.taken.value
        repeat {
            guard amount <= ceiling - taken else { return refusal(kind, amount, taken, number) }
        } while !slot.taken.replace(&taken, by: taken + amount)
        counted.insert(kind)
        return nil
    }

    /// Replaces what was taken by what was used.
    func settle(_ kind: QuotaKind, taken: Int64, used: Int64, number: Int64) {
        let slot = slot(kind, number)
        guard slot.number.published == number else { return }
        if used != 0 { slot.used.add(used) }
        if taken != used, slot.ceiling.value != Self.unlimited { slot.taken.add(used - taken) }
    }

    private func refusal(_ kind: QuotaKind, _ amount: Int64, _ taken: Int64, _ number: Int64) -> LimitFault {
        let (limit, wants) = (agreed(kind), words[Place.wants + kind.index])
        guard amount <= limit else { return LimitFault(LimitFault.Kind(kind), retryAfter: nil) }
        var fault = LimitFault(LimitFault.Kind(kind), retryAfter: max(1_000_000, kind.period.end(of: number) - file.steadyTime))
        guard slot(kind, number).leasedUntil.value >= 0 else { return fault }
        var known = wants.value
        while known < amount, !wants.replace(&known, by: amount) {}
        fault.mayBeLeased = words[Place.exhausted + kind.index].value == 0
        // Not the end of the window: a lease may come with the next exchange.
        if fault.mayBeLeased { fault.retryAfter = Self.leaseRetry }
        return fault
    }

    // MARK: Between requests

    /// What was leased or lent ends in its time, however long the control plane takes to answer.
    func endLeases(now: Int64) {
        for kind in QuotaKind.allCases {
            let number = number(kind)
            for near in [number, number + 1] { endLease(slot(kind, near), now: now) }
        }
        share.withLock { share in
            guard share.loan != nil, share.loanUntil <= now else { return }
            share.loan = nil
            apply(share.caps)
        }
    }

    private func endLease(_ slot: Slot, now: Int64) {
        var ceiling = slot.ceiling.value
        guard slot.leasedUntil.value <= now, ceiling > 0, ceiling != Self.unlimited, slot.ceiling.replace(&ceiling, by: 0) else { return }
        // It was prolonged in this very moment.
        if slot.leasedUntil.value > now { slot.ceiling.value = ceiling }
    }

    /// - Parameter isLeased: What may be taken comes in leases, else the limits themselves are the ceilings.
    func change(_ limits: QuotaLimits, isLeased: Bool, now: Int64) {
        tokensPerDay.store(limits.tokensPerDay ?? Self.unlimited, ordering: .relaxed)
        tokensPerMonth.store(limits.tokensPerMonth ?? Self.unlimited, ordering: .relaxed)
        spendPerMonth.store(limits.spendPerMonth ?? Self.unlimited, ordering: .relaxed)
        for kind in QuotaKind.allCases {
            let number = file.number(kind.period)
            for near in [number, number + 1] { fit(kind, near, isLeased: isLeased, now: now) }
        }
    }

    /// Makes the slot of a window ready, before anybody counts in it.
    func prepare(_ kind: QuotaKind, _ number: Int64, isLeased: Bool, now: Int64) {
        let slot = slot(kind, number)
        guard slot.number.value != number else { return }
        slot.taken.value = 0
        slot.used.value = 0
        slot.ceiling.value = 0
        slot.leasedUntil.value = 0
        slot.elsewhere.value = 0
        slot.number.publish(number)
        fit(kind, number, isLeased: isLeased, now: now)
    }

    private func fit(_ kind: QuotaKind, _ number: Int64, isLeased: Bool, now: Int64) {
        let (slot, limit) = (slot(kind, number), agreed(kind))
        guard slot.number.value == number else { return }
        if limit != Self.unlimited, slot.ceiling.value == Self.unlimited {
            // It was not counted until now.
            slot.taken.value = slot.used.value
            slot.ceiling.value = 0
        }
        if !isLeased {
            slot.leasedUntil.value = -1
            slot.ceiling.value = limit
        } else if limit == Self.unlimited {
            slot.ceiling.value = limit
        } else {
            slot.leasedUntil.value = max(0, slot.leasedUntil.value)
            slot.ceiling.value = slot.leasedUntil.value > now ? min(slot.ceiling.value, limit) : 0
        }
    }

    /// Words of a holder of an earlier process: nothing runs and nothing is reserved any more.
    static func restart(_ words: LimitWords, isSameMachineStart: Bool) {
        words[Place.running].value = 0
        for kind in QuotaKind.allCases {
            words[Place.wants + kind.index].value = 0
            words[Place.exhausted + kind.index].value = 0
            for parity in 0..<2 {
                let slot = Slot(words, at: Place.slots + (kind.index * 2 + parity) * Place.slotWords)
                slot.taken.value = slot.used.value
                if !isSameMachineStart { slot.leasedUntil.value = min(slot.leasedUntil.value, 0) }
            }
        }
        guard !isSameMachineStart else { return }
        words[Place.requests].value = 0
        words[Place.tokens].value = 0
    }

    /// Whether nothing of words that nobody holds counts any more: no use in a window that is not over, no lease and no bucket that is not full again.
    ///
    /// - Parameter now: Microseconds of the monotonic clock.
    static func isOver(_ words: LimitWords, in file: LimitFile, now: Int64) -> Bool {
        for kind in QuotaKind.allCases {
            for parity in 0..<2 {
                let slot = Slot(words, at: Place.slots + (kind.index * 2 + parity) * Place.slotWords)
                guard slot.number.value >= file.number(kind.period) else { continue }
                if slot.used.value != 0 || slot.taken.value != 0 || slot.leasedUntil.value > now { return false }
            }
        }
        let bucket = TokenBucket(limit: 0)
        return [Place.requests, Place.tokens].allSatisfy { bucket.reset(of: words[$0].value, now: now) == 0 }
    }

    /// The greatest amount that was refused for want of a lease since the last call; 0: none.
    func takeWant(_ kind: QuotaKind) -> Int64 {
        let word = words[Place.wants + kind.index]
        var known = word.value
        while known != 0, !word.replace(&known, by: 0) {}
        return known
    }

    /// What was used of a window, here and elsewhere.
    func used(_ kind: QuotaKind) -> Int64 {
        let slot = slot(kind, file.number(kind.period))
        return slot.used.value + slot.elsewhere.value
    }

    /// What of a window nobody has used or reserved, as far as it is known here; `unlimited`: without a limit.
    func left(_ kind: QuotaKind) -> Int64 {
        let (limit, slot) = (agreed(kind), slot(kind, file.number(kind.period)))
        return limit == Self.unlimited ? limit : max(0, limit - slot.taken.value - slot.elsewhere.value)
    }

    func setExhausted(_ kind: QuotaKind, _ isExhausted: Bool) {
        words[Place.exhausted + kind.index].value = isExhausted ? 1 : 0
    }
}
