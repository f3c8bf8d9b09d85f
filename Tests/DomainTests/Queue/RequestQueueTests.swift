import Testing

@testable import Domain

@Suite("Request queue")
struct RequestQueueTests {
    private static let capacity = QueueCapacity(slots: 10, holdTime: 1_000_000)

    private func request(
        _ tenant: String = "t", tier: String = "pro", service: ServiceClass = .interactive, at now: Int64 = 0, within: Int64 = 1_000_000,
        bytes: Int = 1, _ change: (inout QueueRules) -> Void = { _ in }
    ) -> QueuedRequest {
        var rules = QueueRules.tier(tier)
        change(&rules)
        return QueuedRequest(
            line: .init(tier: tier, service: service), rules: rules, tenant: tenant, promptTokens: 100, outputTokens: 100, bytes: bytes,
            arrived: now, deadline: now + within)
    }

    private func wait(_ queue: inout RequestQueue, _ request: QueuedRequest) -> QueueTicket? {
        guard case .waits(let ticket, nil) = queue.arrive(request, capacity: Self.capacity, now: request.arrived) else { return nil }
        return ticket
    }

    /// Whatever the wait would be.
    private func arrive(_ queue: inout RequestQueue, _ request: QueuedRequest) -> QueueTicket? {
        guard case .waits(let ticket, nil) = queue.arrive(request, capacity: QueueCapacity(slots: 0, holdTime: 0), now: request.arrived) else {
            return nil
        }
        return ticket
    }

    private func next(_ queue: inout RequestQueue, now: Int64 = 0) -> QueueTicket? {
        queue.take(at: "w", now: now) { _ in .yes }?.ticket
    }

    @Test("greater rank before lesser, interactive before batch, first come first")
    func precedence() {
        var queue = RequestQueue()
        let batch = wait(&queue, request(tier: "business", service: .batch))
        let hobby = wait(&queue, request(tier: "hobby"))
        let first = wait(&queue, request(tier: "business"))
        let second = wait(&queue, request(tier: "business"))
        #expect((0..<5).map { _ in next(&queue) } == [first, second, hobby, batch, nil])
    }

    @Test("a request that could not begin in time is refused when it comes, and told when to come again")
    func lateOnArrival() {
        var queue = RequestQueue()
        for _ in 0..<9 { #expect(wait(&queue, request()) != nil) }
        // The eleventh waits 1.1 s: a hundred milliseconds for each turn.
        #expect(wait(&queue, request()) != nil)
        #expect(
            queue.arrive(request(within: 1_050_000), capacity: Self.capacity, now: 0)
                == .refused(RequestQueue.Refusal(reason: .late, retryAfter: 250_000)))
        #expect(queue.isAtRisk(.init(tier: "pro", service: .interactive), now: 0))
    }

    @Test("a protected request waits where running ones make way for it, as many as there are, and asks for their places while it would be late")
    func makingWay() throws {
        var queue = RequestQueue()
        // A turn takes ten seconds: by turns alone nobody is in time.
        let capacity = QueueCapacity(slots: 1, holdTime: 10_000_000, yielding: 2)
        func arrive(_ request: QueuedRequest) -> QueueTicket? {
            guard case .waits(let ticket, nil) = queue.arrive(request, capacity: capacity, now: 0) else { return nil }
            return ticket
        }
        #expect(arrive(request(tier: "hobby")) == nil && arrive(request(service: .batch)) == nil)
        let (second, first) = (arrive(request(within: 2_000_000)), arrive(request(tier: "business")))
        #expect(first != nil && second != nil && arrive(request()) == nil)
        #expect(queue.late(capacity, now: 0) == [first, second])
        #expect(queue.late(QueueCapacity(slots: 1, holdTime: 10_000_000, yielding: 1), now: 0) == [first])
        #expect(queue.late(QueueCapacity(slots: 1, holdTime: 10_000_000), now: 0).isEmpty)
        #expect(next(&queue) == first)
        #expect(queue.late(capacity, now: 0) == [second])
        #expect(next(&queue) == second)
        #expect(queue.late(capacity, now: 0).isEmpty)
    }

    @Test("who will be in time by turns asks for no place until its time is nearly used up")
    func nearlyLate() throws {
        var queue = RequestQueue()
        let capacity = QueueCapacity(slots: 10, holdTime: 1_000_000, yielding: 10)
        let waiting = try #require(wait(&queue, request(within: 4_000_000)))
        #expect(wait(&queue, request(tier: "hobby", within: 4_000_000)) != nil)
        #expect(queue.late(capacity, now: 0).isEmpty && queue.late(capacity, now: 3_000_000).isEmpty)
        #expect(queue.late(capacity, now: 3_000_001) == [waiting])
        // Of those before it, the ones for whom a place is made take no turn.
        for _ in 0..<3 { #expect(wait(&queue, request(tier: "business", within: 1_000_000)) != nil) }
        #expect(queue.late(QueueCapacity(slots: 1, holdTime: 1_500_000, yielding: 10), now: 0).count == 3)
    }

    @Test("another gateway's risk suspends the floors of shared lines, for as long as one's own does")
    func riskElsewhere() {
        var queue = RequestQueue()
        let rules: (inout QueueRules) -> Void = { $0.floorPercent = 50 }
        let hobby = (0..<4).map { _ in arrive(&queue, request(tier: "hobby", within: 9_000_000, rules)) }
        for _ in 0..<8 { #expect(arrive(&queue, request(tier: "business", within: 9_000_000)) != nil) }
        queue.noteRiskElsewhere(now: 0)
        #expect((0..<4).allSatisfy { _ in next(&queue).map { !hobby.contains($0) } ?? false })
        #expect((0..<3).contains { _ in hobby.contains(next(&queue, now: 5_000_000)) }, "the floor goes on")
    }

    @Test("a protected line that is full is at risk as soon as somebody is refused there, or loses its place", arguments: [false, true])
    func fullLineAtRisk(isEvicted: Bool) {
        var queue = RequestQueue()
        let line = QueuedRequest.Line(tier: "business", service: .interactive)
        for _ in 0..<2 { #expect(wait(&queue, request(tier: "business", within: 9_000_000) { $0.requests = 2 }) != nil) }
        let hobby = arrive(&queue, request(tier: "hobby", within: 9_000_000))
        #expect(!queue.isAtRisk(line, now: 0) && hobby != nil)
        let next = request(isEvicted ? "other" : "t", tier: "business", within: 9_000_000) { $0.requests = 2 }
        switch queue.arrive(next, capacity: Self.capacity, now: 1) {
        case .waits(_, let instead): #expect(isEvicted && instead != nil)
        case .refused(let refusal): #expect(!isEvicted && refusal.reason == .full)
        }
        #expect(queue.isAtRisk(line, now: 1) && !queue.isAtRisk(line, now: 5_000_001))
    }

    @Test("a protected line takes more requests than its bound while running ones make way for them, and never more bytes")
    func fullLineMakingWay() {
        var queue = RequestQueue()
        let capacity = QueueCapacity(slots: 10, holdTime: 1_000_000, yielding: 3)
        func arrive(bytes: Int = 1) -> RequestQueue.Arrival {
            let request = request(tier: "business", bytes: bytes) { ($0.requests, $0.bytes) = (1, 10) }
            return queue.arrive(request, capacity: capacity, now: 0)
        }
        let line = QueuedRequest.Line(tier: "business", service: .interactive)
        for _ in 0..<2 {
            guard case .waits(_, nil) = arrive() else { return #expect(Bool(false)) }
        }
        #expect(!queue.isAtRisk(line, now: 0))
        guard case .refused(let tooLarge) = arrive(bytes: 9), case .waits(_, nil) = arrive(), case .refused(let refusal) = arrive() else {
            return #expect(Bool(false))
        }
        #expect(tooLarge.reason == .full && refusal.reason == .full && queue.count(in: line) == 3)
    }

    @Test("who has the most in a full line makes room for a tenant with less")
    func fullLine() {
        var queue = RequestQueue()
        let tickets = (0..<3).map { _ in wait(&queue, request("noisy", within: 9_000_000) { $0.requests = 3 }) }
        let quiet = request("quiet", within: 9_000_000) { $0.requests = 3 }
        guard case .waits(_, let instead) = queue.arrive(quiet, capacity: Self.capacity, now: 0) else { return #expect(Bool(false)) }
        #expect(instead == tickets[2])
        guard case .refused(let refusal) = queue.arrive(request("noisy", within: 9_000_000), capacity: Self.capacity, now: 0) else {
            #expect(queue.count == 4)
            return
        }
        #expect(refusal.reason == .full)
    }

    @Test("nobody is turned away for a request that has no room all the same")
    func roomInVain() {
        var queue = RequestQueue()
        let tickets = [50, 1, 1].map { wait(&queue, request("noisy", within: 9_000_000, bytes: $0) { $0.bytes = 100 }) }
        let large = request("quiet", within: 9_000_000, bytes: 60) { $0.bytes = 100 }
        guard case .refused(let refusal) = queue.arrive(large, capacity: Self.capacity, now: 0) else { return #expect(Bool(false)) }
        #expect(refusal.reason == .full && queue.count == 3)
        #expect((0..<3).map { _ in next(&queue) } == tickets)
    }

    @Test("bytes bound a line too")
    func bytes() {
        var queue = RequestQueue()
        #expect(wait(&queue, request(bytes: 60) { $0.bytes = 100 }) != nil)
        #expect(wait(&queue, request(bytes: 41) { $0.bytes = 100 }) == nil)
        #expect(wait(&queue, request(bytes: 40) { $0.bytes = 100 }) != nil)
    }

    @Test("expired requests are handed out and put their line at risk; departed ones are gone")
    func departures() {
        var queue = RequestQueue()
        let late = wait(&queue, request(within: 500_000))
        let gone = wait(&queue, request(within: 900_000))
        #expect(queue.expire(now: 500_000).isEmpty)
        #expect(queue.expire(now: 500_001) == [late])
        if let gone { queue.leave(gone, now: 500_001) }
        #expect(queue.count == 0 && next(&queue, now: 500_001) == nil)
        #expect(queue.isAtRisk(.init(tier: "pro", service: .interactive), now: 5_000_000))
        #expect(!queue.isAtRisk(.init(tier: "pro", service: .interactive), now: 6_000_000))
    }

    @Test("a tenant that comes back is lifted to a few requests below those who wait, however long it was away")
    func lift() {
        var queue = RequestQueue()
        for _ in 0..<60 { _ = arrive(&queue, request("old", within: 9_000_000)) }
        for _ in 0..<30 { _ = next(&queue) }
        let new = Set((0..<20).map { _ in arrive(&queue, request("new", within: 9_000_000)) })
        let order = (0..<20).map { _ in new.contains(next(&queue)) }
        #expect(order.prefix(8).allSatisfy { $0 })
        #expect((5...7).contains(order.suffix(12).count { $0 }))
    }

    @Test("in an overload that stands the newest request of a tenant goes first")
    func newestFirst() {
        var queue = RequestQueue()
        let first = wait(&queue, request(within: 9_000_000))
        _ = wait(&queue, request(at: 250_000, within: 9_000_000))
        let last = wait(&queue, request(at: 1_300_000, within: 9_000_000))
        #expect(next(&queue, now: 1_300_000) == last)
        // A burst is not an overload: without a wait of more than 200 ms the oldest goes first.
        var calm = RequestQueue()
        let oldest = wait(&calm, request(at: 1_300_000))
        _ = wait(&calm, request(at: 1_310_000))
        #expect(next(&calm, now: 1_320_000) == oldest)
        #expect(first != nil)
    }

    @Test("a request that needs more room than there is lets others pass, and then a worker is kept for it")
    func largePrompt() {
        var queue = RequestQueue()
        let large = wait(&queue, request("large", within: 9_000_000))
        var passed = 0
        for _ in 0..<60 {
            _ = queue.arrive(request("small", within: 9_000_000), capacity: QueueCapacity(slots: 0, holdTime: 0), now: 0)
            if queue.take(at: "w", now: 0, fit: { $0 == large ? .full : .yes }) != nil { passed += 1 }
        }
        #expect(passed > 0 && passed <= 64)
        let kept = queue.take(at: "w", now: 0) { $0 == large ? .full : .yes }
        #expect(kept == nil)
        #expect(queue.take(at: "other", now: 0) { $0 == large ? .full : .yes } != nil)
        #expect(queue.take(at: "w", now: 0) { _ in .yes }?.ticket == large)
    }

    @Test("a place that a tenant leaves free is for the others of its rank, not for lesser tiers or batch")
    func reserved() {
        var queue = RequestQueue()
        let noisy = wait(&queue, request("noisy"))
        let others = [wait(&queue, request(tier: "hobby")), wait(&queue, request("quiet", service: .batch))]
        #expect(queue.take(at: "w", now: 0) { $0 == noisy ? .reserved : .yes } == nil)
        #expect(queue.take(at: "w", now: 0) { $0 == noisy ? .never : .yes }?.ticket == others[0])
        let quiet = wait(&queue, request("quiet"))
        #expect(queue.take(at: "w", now: 0) { $0 == noisy ? .reserved : .yes }?.ticket == quiet)
        let greater = wait(&queue, request(tier: "business"))
        #expect(queue.take(at: "w", now: 0) { $0 == noisy ? .reserved : .yes }?.ticket == greater)
        #expect([next(&queue), next(&queue)] == [noisy, others[1]])
    }

    @Test("prefill is estimated from prompts of the same length or shorter ones")
    func prefill() {
        #expect(PrefillEstimate.bucket(0) == 0 && PrefillEstimate.bucket(1023) == 9 && PrefillEstimate.bucket(1024) == 10)
        #expect(PrefillEstimate.moved(0, by: 800) == 800 && PrefillEstimate.moved(800, by: 1600) == 900)
        #expect(PrefillEstimate.microseconds(10) { $0 == 8 ? 300 : 0 } == 300)
        #expect(PrefillEstimate.microseconds(7) { $0 == 8 ? 300 : 0 } == 0)
    }

    @Test("a tenant that waits is not forgotten for the thousands that were served before: it goes before nobody for longer than its burst")
    func waitingTenantsAreKept() {
        var queue = RequestQueue()
        for _ in 0..<40 { _ = arrive(&queue, request("a")) }
        for _ in 0..<40 { _ = next(&queue) }
        for number in 0..<4095 {
            _ = arrive(&queue, request("t\(number)"))
            _ = next(&queue)
        }
        let own = (0..<20).compactMap { _ in arrive(&queue, request("a")) }
        for _ in 0..<30 { _ = arrive(&queue, request("b")) }
        let begun = (0..<20).compactMap { _ in next(&queue) }
        // Eight of the one that is new, and then by turns.
        #expect(own.count == 20 && begun.count == 20 && begun.filter { own.contains($0) }.count == 6)
    }
}
