import Testing

@testable import Domain

@Suite("Outage watch")
struct OutageWatchTests {
    /// Requests one after the other, each tried up to four times at a host of its own choice while it may be.
    private func attempts(_ watch: inout OutageWatch, requests: Int, hosts: Int, tries: Int = 4) -> Int {
        var (attempts, now) = (0, Int64(0))
        for request in 0..<requests {
            watch.noteRequest(now: now)
            for attempt in 0..<tries {
                watch.began("m")
                attempts += 1
                now += 1_000
                watch.failed("m", host: "h\((request * 7 + attempt) % hosts)", began: now - 1_000, now: now)
                guard attempt + 1 < tries, watch.takeMove("m", now: now) else { break }
            }
        }
        return attempts
    }

    @Test("when every host fails, workers see at most a tenth more than comes, however many they are", arguments: [3, 10, 40])
    func outage(hosts: Int) {
        var watch = OutageWatch()
        #expect(attempts(&watch, requests: 120, hosts: hosts) <= 132)
    }

    @Test("one host, or two, that fail are none")
    func someHosts() {
        var watch = OutageWatch()
        #expect(attempts(&watch, requests: 50, hosts: 2, tries: 2) == 100)
    }

    @Test("what was under way when many hosts were lost at once says nothing of the others, and moves")
    func lostProvider() {
        var watch = OutageWatch()
        for _ in 0..<100 { watch.began("m") }
        for request in 0..<100 {
            watch.failed("m", host: "h\(request % 12)", began: 0, now: 1_000)
            let moves = watch.takeMove("m", now: 1_000)
            #expect(moves)
            watch.began("m")
        }
        // A third of the second tries meets hosts that are lost too; the others are worked on.
        for request in 0..<30 {
            watch.failed("m", host: "h\(request % 12)", began: 1_000, now: 2_000)
            let moves = watch.takeMove("m", now: 2_000)
            #expect(moves)
            watch.began("m")
        }
        watch.answered("m")
        #expect(watch.isCalm)
    }

    @Test("an answer ends it, another model is not in it, and who leaves is no hope")
    func ends() {
        var watch = OutageWatch()
        _ = attempts(&watch, requests: 40, hosts: 4)
        for _ in 0..<200 { watch.began("m") }
        for _ in 0..<200 { watch.cancelled("m", began: 1_000_000) }
        let (own, other) = (watch.takeMove("m", now: 40_000), watch.takeMove("other", now: 40_000))
        #expect(!own && other)
        watch.answered("m")
        let again = watch.takeMove("m", now: 40_000)
        #expect(watch.isCalm && again)
    }
}
