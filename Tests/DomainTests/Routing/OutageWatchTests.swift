import Testing

@testable import Domain

@Suite("Outage watch")
struct OutageWatchTests {
    private let watch = OutageWatch()

    private func fail(_ host: String = "h", began: Int64, now: Int64) {
        watch.ended("m", .failed, host: host, hadToken: false, began: began, now: now)
    }

    private func move(_ now: Int64) -> OutageWatch.Move { watch.takeMove("m", .noAnswer, now: now) }

    /// One attempt that begins and gets its first token.
    private func answer(_ now: Int64) {
        watch.began("m")
        watch.token("m", isFirst: true, began: now, now: now + 1_000)
    }

    @Test("when everybody fails, workers see at most a tenth more than comes, and a few")
    func sequence() {
        var (attempts, now) = (0, Int64(0))
        for _ in 0..<120 {
            watch.noteRequest(now: now)
            repeat {
                watch.began("m")
                attempts += 1
                now += 1_000
                fail(began: now - 1_000, now: now)
            } while move(now) == .now
        }
        #expect(attempts <= 132)
    }

    @Test("of a hundred that fail at once ten and three are tried again, the others wait, and go when one of these is answered")
    func loss() {
        for _ in 0..<100 { watch.noteRequest(now: 0) }
        var moves: [OutageWatch.Move] = []
        for _ in 0..<100 {
            fail(began: 0, now: 1_000)
            moves.append(move(1_000))
            if moves.last == .now { watch.began("m") }
        }
        #expect(moves == Array(repeating: .now, count: 13) + Array(repeating: .later, count: 87))
        watch.token("m", isFirst: true, began: 1_000, now: 200_000)
        #expect(watch.isCalm && move(200_000) == .now)
    }

    private func unpaid(_ now: Int64) -> OutageWatch.Move { watch.takeMove("m", .noAnswer, isPaid: false, awaitsNews: true, now: now) }

    @Test("a second try that waits for news goes when one is answered, or none is asked, and not where all fail")
    func unpaidMoves() {
        #expect(unpaid(0) == .now)
        fail(began: 0, now: 1_000)
        watch.began("m")
        #expect(unpaid(1_000) == .later && move(1_000) == .now)
        watch.token("m", isFirst: true, began: 1_000, now: 2_000)
        #expect(unpaid(2_000) == .now)
        fail(began: 2_000, now: 3_000)
        #expect((0..<4).map { _ in unpaid(3_000) } == [.now, .now, .now, .later])
        for host in ["h", "i", "j"] { fail(host, began: 3_000, now: 4_000) }
        #expect(unpaid(4_000) == .never)
    }

    @Test(
        "second tries that nobody paid for are held to half of what comes when the trouble is over, in the order in which they ask, and go as it grows"
    )
    func unpaidWhenOver() {
        for _ in 0..<100 { watch.noteRequest(now: 0) }
        fail(began: 0, now: 1_000)
        watch.began("m")
        #expect(move(1_000) == .now && unpaid(1_000) == .later)
        watch.token("m", isFirst: true, began: 1_000, now: 2_000)
        #expect(watch.isCalm)
        let moves = (0..<60).map { _ in unpaid(2_000) }
        #expect(moves == Array(repeating: .now, count: 49) + Array(repeating: .later, count: 11))
        #expect(move(2_000) == .now, "what is free or paid waits no longer")
        for _ in 0..<4 { watch.noteRequest(now: 3_000) }
        #expect((0..<3).map { _ in unpaid(3_000) } == [.now, .now, .later])
    }

    @Test("when those that were tried again could ask nobody, another one goes a second later, so that nobody waits in vain")
    func scout() {
        fail(began: 0, now: 1_000)
        let moves = (0..<4).map { _ in move(1_000) }
        #expect(moves == [.now, .now, .now, .later])
        #expect(move(1_000_999) == .later)
        #expect(move(1_001_000) == .now && move(1_001_000) == .later)
        watch.began("m")
        #expect(move(9_000_000) == .later, "it may be answered still")
        answer(9_000_000)
        #expect(watch.isCalm)
    }

    @Test("where what was tried again fails too, who waits is told so, and it takes as many answers more as there were failures, eight at most")
    func hopeless() {
        for _ in 0..<13 { fail(began: 0, now: 1_000) }
        for _ in 0..<3 { #expect(move(1_000) == .now) }
        for _ in 0..<20 { watch.began("m") }
        #expect(move(1_000) == .later)
        for _ in 0..<19 { fail(began: 2_000, now: 3_000) }
        #expect(move(3_000) == .later, "one host says nothing of the others")
        fail("other", began: 2_000, now: 3_000)
        #expect(move(3_000) == .never)
        for _ in 0..<8 { answer(4_000) }
        #expect(!watch.isCalm)
        answer(5_000)
        #expect(watch.isCalm)
    }

    @Test("tokens of streams that were begun before say that their hosts live, when nobody has failed for half a second; not where new ones fail")
    func olderStreams() {
        fail(began: 10, now: 1_000)
        watch.token("m", isFirst: false, began: 0, now: 2_000)
        #expect(!watch.isCalm)
        watch.token("m", isFirst: false, began: 0, now: 600_000)
        #expect(watch.isCalm)
        fail(began: 10, now: 700_000)
        watch.began("m")
        fail(began: 700_000, now: 700_100)
        watch.token("m", isFirst: false, began: 0, now: 1_300_000)
        #expect(!watch.isCalm)
    }

    @Test("streams that break are another trouble: a first token is no proof that they end well, a whole answer is")
    func streams() {
        watch.began("m")
        watch.ended("m", .broken, host: "h", hadToken: true, began: 0, now: 1_000)
        #expect(move(1_000) == .now)
        for _ in 0..<3 { #expect(watch.takeMove("m", .brokenStream, now: 1_000) == .now) }
        answer(2_000)
        #expect(watch.takeMove("m", .brokenStream, now: 3_000) == .later)
        watch.ended("m", .answered, host: "h", hadToken: true, began: 2_000, now: 4_000)
        #expect(watch.isCalm)
    }

    @Test("of hosts that are lost together no request is the cause; of one after the other it may be")
    func together() {
        func isOfMany(_ host: String, began: Int64, model: String = "m") -> Bool {
            watch.isLossOfMany(model, host: host, own: [host], began: began, now: 1_600)
        }
        fail(began: 0, now: 1_000)
        #expect(isOfMany("other", began: 500) && !isOfMany("h", began: 500))
        #expect(!isOfMany("other", began: 1_000) && !isOfMany("other", began: 500, model: "x"))
        watch.ended("m", .failed, host: "other", hadToken: false, began: 0, now: 1_500)
        #expect(isOfMany("other", began: 1_000))
    }

    @Test(
        "that many hosts were lost is known for ten seconds, whatever is answered meanwhile; a request's own losses, and what one brought down, do not count"
    )
    func recent() {
        func isOfMany(_ now: Int64, own: [String] = ["h", "i"], model: String = "m") -> Bool {
            watch.isLossOfMany(model, host: "i", own: own, began: now - 1, now: now)
        }
        for host in ["a", "b", "b", "h", "i"] { watch.noteLoss("m", host: host, now: 1_000) }
        #expect(!isOfMany(1_000))
        watch.noteLoss("m", host: "c", now: 1_000)
        #expect(watch.isCalm && isOfMany(1_000) && isOfMany(10_001_000) && !isOfMany(10_001_001))
        #expect(!isOfMany(1_000, own: ["a", "h", "i"]) && !isOfMany(1_000, model: "x"))
        watch.explainLosses("m", of: ["a", "x"])
        watch.noteLoss("m", host: "a", now: 2_000)
        #expect(!isOfMany(2_000))
        watch.noteLoss("m", host: "d", now: 2_000)
        #expect(isOfMany(2_000))
    }

    @Test("what copies of one request bring down in one moment is no loss of many to each other, as long as nothing else was lost with it")
    func copies() {
        func lose(_ host: String, _ content: Int?) { watch.noteLoss("m", host: host, content: content, now: 1_000) }
        func isOfMany(_ host: String, own: [String], _ content: Int?, began: Int64) -> Bool {
            watch.isLossOfMany("m", host: host, own: own + [host], content: content, began: began, now: 2_000)
        }
        lose("a", 7)
        fail("a", began: 0, now: 1_000)
        #expect(!isOfMany("b", own: [], 7, began: 500) && isOfMany("b", own: [], 8, began: 500) && isOfMany("b", own: [], nil, began: 500))
        for host in ["b", "c"] {
            lose(host, 7)
            fail(host, began: 0, now: 1_000)
        }
        #expect(!isOfMany("d", own: ["a"], 7, began: 1_500) && isOfMany("d", own: [], 8, began: 1_500))
        #expect(!watch.areManyLost("m", besides: ["d"], content: 7, now: 2_000) && watch.areManyLost("m", besides: ["d"], now: 2_000))
        for host in ["a", "b", "c"] { lose(host, host == "a" ? nil : 9) }
        #expect(isOfMany("d", own: [], 7, began: 1_500) && watch.areManyLost("m", besides: ["d"], content: 7, now: 2_000))
    }

    @Test("as many losses and models are remembered as may be")
    func bounds() {
        for number in 0..<1_000 { watch.noteLoss("m", host: "h-\(number)", now: 1_000) }
        #expect(watch.areManyLost("m", besides: (968..<997).map { "h-\($0)" }, now: 1_000))
        #expect(!watch.areManyLost("m", besides: (968..<998).map { "h-\($0)" }, now: 1_000))
        func lose(_ model: String, now: Int64) { for host in ["a", "b", "c"] { watch.noteLoss(model, host: host, now: now) } }
        for number in 0..<300 { lose("model-\(number)", now: 1_000) }
        #expect(watch.areManyLost("model-200", besides: [], now: 1_000) && !watch.areManyLost("model-299", besides: [], now: 1_000))
        lose("late", now: 20_000_000)
        #expect(watch.areManyLost("late", besides: [], now: 20_000_000))
    }

    @Test("another model is not in it")
    func models() {
        for _ in 0..<5 { fail(began: 0, now: 1_000) }
        for _ in 0..<4 { _ = move(1_000) }
        #expect(move(1_000) == .later && watch.takeMove("other", .noAnswer, now: 1_000) == .now)
    }
}
