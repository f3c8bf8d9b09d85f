import Testing

@testable import Domain

/// A trace in a few bytes.
@Suite struct RoutingTraceTests {
    private static let worker = "0190a1b2-c3d4-4e5f-8a9b-0c1d2e3f4a5b"

    /// As most are: two candidates, one attempt.
    private static func usual() -> RoutingTrace {
        var trace = RoutingTrace()
        (trace.promptTokens, trace.cachedTokens) = (800, 512)
        var choice = RoutingChoice()
        choice.workers = 40
        choice.consider(RoutingChoice.Candidate(worker: 7, role: .owner, price: 250_000, cost: 61_000, mark: WorkerMark(of: worker)))
        choice.consider(RoutingChoice.Candidate(worker: 9, role: .drawn, cost: 160_000, mark: WorkerMark(of: "w-9")))
        choice.bar(.full)
        choice.take(7)
        trace.note(choice)
        var attempt = RoutingAttempt(choice: 0, reason: .first, startedAfter: 180)
        (attempt.firstTokenAfter, attempt.endedAfter, attempt.result) = (84_000, 2_400_000, .answered)
        trace.note(attempt)
        return trace
    }

    private static func random(_ generator: inout some RandomNumberGenerator) -> RoutingTrace {
        var trace = RoutingTrace()
        trace.promptTokens = Int.random(in: 0...(Int.max >> Int.random(in: 0...62, using: &generator)), using: &generator)
        trace.cachedTokens = Int.random(in: 0...200_000, using: &generator)
        trace.fault = (Fault.allCases + [nil]).randomElement(using: &generator) ?? nil
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            var choice = RoutingChoice()
            choice.workers = UInt32.random(in: 0...UInt32.max >> UInt32.random(in: 0...31, using: &generator), using: &generator)
            for bar in RoutingChoice.Bar.allCases where Bool.random(using: &generator) {
                choice.bar(bar, Int.random(in: 1...1_000, using: &generator))
            }
            for number in 0..<UInt32.random(in: 0...9, using: &generator) {
                choice.consider(
                    RoutingChoice.Candidate(
                        worker: number + 1, role: RoutingChoice.Role.allCases.randomElement(using: &generator) ?? .drawn,
                        price: .random(in: 0...UInt32.max, using: &generator),
                        cost: Int64.random(in: 0...Int64.max >> Int64.random(in: 0...62, using: &generator), using: &generator),
                        mark: WorkerMark(.random(in: 0...UInt64.max, using: &generator))))
            }
            choice.take(.random(in: 0...8, using: &generator))
            trace.note(choice)
        }
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let start = Int64.random(in: 0...1 << 40, using: &generator)
            var attempt = RoutingAttempt(
                choice: .random(in: 0...5, using: &generator), reason: RoutingAttempt.Reason.allCases.randomElement(using: &generator) ?? .first,
                startedAfter: start)
            if Bool.random(using: &generator) { attempt.firstTokenAfter = start + .random(in: 0...1 << 40, using: &generator) }
            attempt.endedAfter = start + .random(in: 0...1 << 40, using: &generator)
            attempt.result = RoutingAttempt.Result.allCases.randomElement(using: &generator) ?? .lost
            trace.note(attempt)
        }
        return trace
    }

    @Test func `the usual trace takes less than 64 bytes and reads as it was`() throws {
        let packed = Self.usual().packed
        #expect(packed.count < 64, "\(packed.count)")
        let read = try #require(RoutingTrace(packed: packed))
        #expect(read == Self.usual() && read.choice(0).barred(.full) == 1 && read.attempt(0).firstTokenAfter == 84_000)
        #expect(RoutingTrace(packed: RoutingTrace().packed) == RoutingTrace())
    }

    @Test func `any trace reads as it was, within its bound, and a part of one is none`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let trace = Self.random(&generator)
            let packed = trace.packed
            #expect(packed.count <= RoutingTrace.largest && RoutingTrace(packed: packed) == trace, "\(packed)")
            #expect(trace.choiceCount <= RoutingTrace.most && trace.attemptCount <= RoutingTrace.most)
            #expect(RoutingTrace(packed: packed.dropLast()) == nil && RoutingTrace(packed: packed + [0]) == nil)
            #expect(RoutingTrace(packed: [RoutingTrace.version + 1] + packed.dropFirst()) == nil)
        }
    }

    @Test func `the largest trace is within the bound, of which the spool and the database know`() {
        var choice = RoutingChoice()
        choice.workers = .max
        for bar in RoutingChoice.Bar.allCases { choice.bar(bar, Int(UInt32.max)) }
        for number in 1...UInt32(RoutingChoice.most) {
            choice.consider(RoutingChoice.Candidate(worker: number, role: .drawn, price: .max, cost: .max, mark: WorkerMark(.max)))
        }
        var trace = RoutingTrace()
        (trace.promptTokens, trace.cachedTokens) = (.max, .max)
        var attempt = RoutingAttempt(choice: 5, reason: .continuation, startedAfter: .max)
        (attempt.firstTokenAfter, attempt.endedAfter) = (.max, .max)
        for _ in 0..<9 {
            trace.note(choice)
            trace.note(attempt)
        }
        #expect(trace.packed.count <= RoutingTrace.largest && RoutingTrace.largest <= 2_048)
    }

    @Test func `a choice without candidates makes way for the one that found a place`() {
        var trace = RoutingTrace()
        var none = RoutingChoice()
        none.bar(.full, 3)
        trace.note(none)
        #expect(trace.choiceCount == 1)
        trace.note(Self.usual().choice(0))
        #expect(trace.choiceCount == 1 && trace.choice(0).count == 2)
    }

    @Test func `in words workers have their names as far as they are known, and later attempts the choice made for them`() throws {
        var trace = Self.usual()
        var second = RoutingChoice()
        second.workers = 40
        second.bar(.tried)
        second.consider(RoutingChoice.Candidate(worker: 11, role: .drawn, cost: 5_000, mark: WorkerMark(of: Self.worker)))
        second.take(11)
        trace.note(second)
        trace.note(RoutingAttempt(choice: 1, reason: .retry, startedAfter: 300))
        let account = RoutingAccount(trace, names: [WorkerMark(of: "w-9"): RoutingAccount.WorkerName(id: "w-9", host: "h-9")])
        #expect(account.workers == 40 && account.passedOver == ["full": 1] && account.candidates.map(\.cost) == [61_000, 160_000])
        #expect(account.candidates.map(\.worker) == ["0190a1b2-c3d4-4e5f", "w-9"] && account.candidates.map(\.host) == [nil, "h-9"])
        #expect(account.candidates.map(\.priceMicroUsd) == [250_000, nil])
        #expect(account.attempts.map(\.reason) == ["first", "retry"] && account.attempts[0].choice == nil)
        #expect(account.attempts[1].worker == "0190a1b2-c3d4-4e5f" && account.attempts[1].choice?.passedOver == ["tried": 1])
    }

    @Test func `a mark is the first half of a UUID, or a hash`() {
        #expect(WorkerMark(of: Self.worker).description == Self.worker.prefix(18))
        #expect(WorkerMark(of: "a").value == 0xaf63_dc4c_8601_ec8c && WorkerMark(of: "a") != WorkerMark(of: "b"))
    }
}
