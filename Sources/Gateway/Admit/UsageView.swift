import Domain
import HTTPWire
import PlimsollWire

/// What a key sees of its limits: what it has used itself, and what the narrower of its own and its account's limits leaves. Nothing of other keys.
struct UsageView {
    private let key: CustomerKey
    private let now: Int64

    /// - Parameter now: Microseconds, monotonic.
    init(_ key: CustomerKey, now: Int64) {
        self.key = key
        self.now = now
    }

    private struct Amount {
        var limit: Int64
        var burst: Int64?
        var used: Int64
        var left: Int64
        /// Milliseconds until nothing of it is used.
        var reset: Int64?

        /// Without a limit there is nothing left to tell.
        var json: String {
            let isLimited = limit != LimitHolder.unlimited
            var members = ["\"limit\":\(isLimited ? "\(limit)" : "null")"]
            if let burst { members.append("\"burst\":\(burst)") }
            members.append("\"used\":\(used)")
            members.append("\"left\":\(isLimited ? "\(left)" : "null")")
            if let reset { members.append("\"reset_ms\":\(reset)") }
            return "{\(members.joined(separator: ","))}"
        }
    }

    var json: [UInt8] {
        let tier = String(decoding: BodyEdit.quoted(key.tier.name), as: UTF8.self)
        let id = String(decoding: BodyEdit.quoted(key.id), as: UTF8.self)
        let text = """
            {"object":"usage","key":\(id),"plan":\(tier),"minute":\(minute),"day":\(window(.day)),"month":\(window(.month))}
            """
        return Array(text.utf8)
    }

    private var minute: String {
        let limits = key.limits
        let holder = limits.hasOwnMinute ? limits.own : limits.tenant
        let (standing, requests, tokens) = (holder.standing(now: now), holder.requestBucket, holder.tokenBucket)
        let whole = holder.minuteShare.whole
        let requestBurst = TokenBucket(limit: whole.requests, burst: whole.requestBurst).burst
        let tokenBurst = TokenBucket(limit: whole.tokens, burst: whole.tokenBurst).burst
        let outer = limits.tenant.standing(now: now)
        let requestAmount = Amount(
            limit: standing.requestLimit, burst: requestBurst, used: requests.burst - standing.requestsLeft,
            left: min(standing.requestsLeft, outer.requestsLeft), reset: (standing.requestReset + 999) / 1000)
        let tokenAmount = Amount(
            limit: standing.tokenLimit, burst: tokenBurst, used: tokens.burst - standing.tokensLeft,
            left: min(standing.tokensLeft, outer.tokensLeft), reset: (standing.tokenReset + 999) / 1000)
        let free = min(holder.concurrentLimit - holder.running, limits.tenant.concurrentLimit - limits.tenant.running)
        let running = Amount(limit: Int64(whole.concurrent), used: Int64(holder.running), left: Int64(max(0, free)))
        return "{\"requests\":\(requestAmount.json),\"tokens\":\(tokenAmount.json),\"concurrent_requests\":\(running.json)}"
    }

    private func window(_ period: QuotaPeriod) -> String {
        let end = period.end(of: key.limits.file.number(period))
        let reset = max(0, end - key.limits.file.steadyTime) / 1000
        let tokens = amount(period == .day ? .tokensPerDay : .tokensPerMonth, unit: 1)
        var members = ["\"resets_at\":\(end / 1_000_000)", "\"reset_ms\":\(reset)", "\"tokens\":\(tokens.json)"]
        if period == .month {
            members.append("\"spend_micro_usd\":\(amount(.spendPerMonth, unit: Int64(Rating.picoPerMicro)).json)")
        }
        return "{\(members.joined(separator: ","))}"
    }

    private func amount(_ kind: QuotaKind, unit: Int64) -> Amount {
        let (own, tenant) = (key.limits.own, key.limits.tenant)
        let limit = min(own.agreed(kind), tenant.agreed(kind))
        let left = min(own.left(kind), tenant.left(kind))
        return Amount(
            limit: limit == LimitHolder.unlimited ? limit : limit / unit,
            used: Int64(Rating.dividedHalfEven(Int128(own.used(kind)), by: Int128(unit))),
            left: left / unit)
    }
}
