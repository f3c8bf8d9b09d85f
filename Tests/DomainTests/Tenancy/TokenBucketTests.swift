import Testing

@testable import Domain

@Suite("Token bucket")
struct TokenBucketTests {
    private let second: Int64 = 1_000_000

    @Test("the limit is free at once, one more waits exactly until it is drained")
    func burst() {
        var bucket = TokenBucket(limit: 7, now: 0)
        for _ in 0..<7 { #expect(bucket.reserve(1, now: 0) == .granted) }
        // One of seven a minute: 60 s / 7, rounded up.
        #expect(bucket.reserve(1, now: 0) == .wait(8_571_429))
        #expect(bucket.reserve(1, now: 8_571_428) == .wait(1))
        #expect(bucket.reserve(1, now: 8_571_429) == .granted)
    }

    @Test("over any time, no more is granted than the limit and what drained", arguments: [1, 3, 60, 997, 1_000_000])
    func neverMore(limit: Int) {
        var generator = FixedGenerator(state: UInt64(limit))
        var bucket = TokenBucket(limit: limit, now: 0)
        var (now, granted) = (Int64(0), Int64(0))
        for _ in 0..<2000 {
            now += Int64.random(in: 0...300_000, using: &generator)
            let amount = Int.random(in: 1...max(1, limit / 3), using: &generator)
            if bucket.reserve(amount, now: now) == .granted { granted += Int64(amount) }
            #expect(granted * 60 * second <= Int64(limit) * (60 * second + now))
        }
        #expect(granted > 0)
    }

    @Test("more than the whole limit can never be granted")
    func tooLarge() {
        var bucket = TokenBucket(limit: 100, now: 0)
        #expect(bucket.reserve(101, now: 0) == .tooLarge)
        #expect(bucket.remaining(now: 0) == 100)
    }

    @Test("settling gives back what was not used and charges what was used beyond")
    func settle() {
        var bucket = TokenBucket(limit: 100, now: 0)
        #expect(bucket.reserve(80, now: 0) == .granted)
        bucket.settle(reserved: 80, used: 30, now: 0)
        #expect(bucket.remaining(now: 0) == 70)
        #expect(bucket.reserve(70, now: 0) == .granted)
        bucket.settle(reserved: 70, used: 90, now: 0)
        #expect(bucket.remaining(now: 0) == 0)
        #expect(bucket.reserve(1, now: 0) == .wait(12_600_000))
        bucket.refund(90, now: 0)
        #expect(bucket.remaining(now: 0) == 70)
    }

    @Test("a clock that goes back, or years of silence, refill nothing too early and overflow nothing")
    func clocks() {
        var bucket = TokenBucket(limit: 1_000_000_000, now: 0)
        #expect(bucket.reserve(1_000_000_000, now: 0) == .granted)
        #expect(bucket.remaining(now: -3_600 * second) == 0)
        #expect(bucket.reset(now: 0) == 60 * second)
        #expect(bucket.remaining(now: Int64.max / 2) == 1_000_000_000)
    }
}
