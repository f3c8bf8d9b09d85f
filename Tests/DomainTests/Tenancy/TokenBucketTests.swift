import Testing

@testable import Domain

@Suite("Token bucket")
struct TokenBucketTests {
    private let second: Int64 = 1_000_000

    @Test("the limit is free at once, one more waits exactly until it is drained")
    func burst() {
        let bucket = TokenBucket(limit: 7)
        var state: Int64 = 0
        for _ in 0..<7 { #expect(bucket.reserve(1, of: &state, now: 0) == .granted) }
        // One of seven a minute: 60 s / 7, rounded up.
        #expect(bucket.reserve(1, of: &state, now: 0) == .wait(8_571_429))
        #expect(bucket.reserve(1, of: &state, now: 8_571_428) == .wait(1))
        #expect(bucket.reserve(1, of: &state, now: 8_571_429) == .granted)
    }

    @Test("over any time, no more is granted than the burst and what drained", arguments: [1, 3, 60, 997, 1_000_000, 1_999_999_999])
    func neverMore(limit: Int) {
        var generator = FixedGenerator(state: UInt64(limit))
        let bucket = TokenBucket(limit: limit, burst: 2 * limit)
        var (state, now, granted) = (Int64(0), Int64(0), Int64(0))
        for _ in 0..<2000 {
            now += Int64.random(in: 0...300_000, using: &generator)
            let amount = Int.random(in: 1...max(1, limit / 3), using: &generator)
            if bucket.reserve(amount, of: &state, now: now) == .granted { granted += Int64(amount) }
            #expect(Int128(granted) * 60 * Int128(second) <= Int128(limit) * Int128(120 * second + now))
        }
        #expect(granted > 0)
    }

    @Test("more than the whole burst can never be granted, and a limit of nothing grants nothing")
    func tooLarge() {
        var state: Int64 = 0
        #expect(TokenBucket(limit: 100).reserve(101, of: &state, now: 0) == .tooLarge)
        #expect(TokenBucket(limit: 100, burst: 150).reserve(101, of: &state, now: 0) == .granted)
        #expect(TokenBucket(limit: 100, burst: 150).remaining(of: state, now: 0) == 49)
        #expect(TokenBucket(limit: 0).reserve(1, of: &state, now: 0) == .tooLarge)
    }

    @Test("settling gives back what was not used and charges what was used beyond")
    func settle() {
        let bucket = TokenBucket(limit: 100)
        var state: Int64 = 0
        #expect(bucket.reserve(80, of: &state, now: 0) == .granted)
        bucket.settle(reserved: 80, used: 30, of: &state, now: 0)
        #expect(bucket.remaining(of: state, now: 0) == 70)
        #expect(bucket.reserve(70, of: &state, now: 0) == .granted)
        bucket.settle(reserved: 70, used: 90, of: &state, now: 0)
        #expect(bucket.remaining(of: state, now: 0) == 0)
        #expect(bucket.reserve(1, of: &state, now: 0) == .wait(12_600_000))
        bucket.settle(reserved: 0, used: 1_000_000, of: &state, now: 0)
        #expect(bucket.reset(of: state, now: 0) == 120 * second)
    }

    @Test("what was not used is given back whole for a minute or as long as a burst lasts, then less and less")
    func refund() {
        let bucket = TokenBucket(limit: 600)
        for age in [-second, 0, 60 * second] { #expect(bucket.refund(400, age: age) == 400) }
        #expect(bucket.refund(400, age: 90 * second) == 200 && bucket.refund(400, age: 119 * second) == 6)
        for age in [120 * second, 3_600 * second, Int64.max] { #expect(bucket.refund(400, age: age) == 0) }
        let long = TokenBucket(limit: 600, burst: 3000)
        #expect(long.refund(400, age: 300 * second) == 400 && long.refund(400, age: 450 * second) == 200 && long.refund(400, age: 600 * second) == 0)
        let short = TokenBucket(limit: 600, burst: 60)
        #expect(short.refund(40, age: 60 * second) == 40 && short.refund(40, age: 120 * second) == 0)
    }

    @Test("a clock that goes back, or years of silence, refill nothing too early and overflow nothing")
    func clocks() {
        let bucket = TokenBucket(limit: 1_000_000_000)
        var state: Int64 = 0
        #expect(bucket.reserve(1_000_000_000, of: &state, now: 0) == .granted)
        #expect(bucket.remaining(of: state, now: -3_600 * second) == 0)
        #expect(bucket.reset(of: state, now: 0) == 60 * second)
        #expect(bucket.remaining(of: state, now: Int64.max / 2) == 1_000_000_000)
        #expect(bucket.reserve(1_000_000_000, of: &state, now: Int64.max) == .granted)
    }
}
