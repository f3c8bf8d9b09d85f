import PlimsollWire
import Testing

@testable import Agent

@Suite("Decisions about a runtime")
struct RuntimeLifeTests {
    private let start = ContinuousClock.now

    private func seen(
        _ process: RuntimeLife.Process, _ health: RuntimeClient.Health = .absent, wedged: Bool = false
    ) -> RuntimeLife.Observation {
        RuntimeLife.Observation(process: process, health: health, wedged: wedged)
    }

    private func life() -> Held<RuntimeLife> {
        Held(RuntimeLife(startupDeadline: .seconds(60), now: start))
    }

    @Test("started, loading, ready: described once")
    func becomesReady() {
        let life = life()
        #expect(life.observe(seen(.dead), now: start) == .start)
        #expect(life.observe(seen(.alive), now: start + .seconds(1)) == nil)
        #expect(life.observe(seen(.alive, .loading), now: start + .seconds(2)) == nil)
        #expect(life.state == .starting)
        #expect(life.observe(seen(.alive, .ready), now: start + .seconds(3)) == .describe)
        #expect(life.observe(seen(.alive, .ready), now: start + .seconds(4)) == nil)
        #expect(life.state == .ready)
    }

    @Test("a runtime that dies again and again is started three times more in ten minutes, then left alone until they have passed")
    func stopsRestarting() {
        let life = life()
        var starts = 0
        for second in 0..<300 where life.observe(seen(.dead), now: start + .seconds(second)) == .start { starts += 1 }
        #expect(starts == 4)
        #expect(life.state == .unhealthy)
        #expect(life.reason == "restarted 3 times in ten minutes and died again")
        #expect(life.observe(seen(.dead), now: start + .seconds(900)) == .start)
    }

    @Test("not ready within the deadline: stopped, and started again once it is gone")
    func stopsSlowStart() {
        let life = life()
        _ = life.observe(seen(.dead), now: start)
        #expect(life.observe(seen(.alive, .loading), now: start + .seconds(59)) == nil)
        #expect(life.observe(seen(.alive, .loading), now: start + .seconds(60)) == .stop(reason: "not ready within its startup deadline"))
        #expect(life.observe(seen(.dead), now: start + .seconds(70)) == .start)
    }

    @Test("bad health leaves rotation at the third look and restarts at the tenth")
    func countsFailures() {
        let life = life()
        _ = life.observe(seen(.alive, .ready), now: start)
        var actions: [RuntimeLife.Action] = []
        for look in 1...10 {
            if let action = life.observe(seen(.alive, .failing("health answers 503")), now: start + .seconds(look)) { actions.append(action) }
            #expect((life.state == .ready) == (look < 3))
        }
        #expect(actions == [.stop(reason: "health answers 503")])
    }

    @Test("a runtime of somebody else that stops listening leaves rotation at once and is never started")
    func followsForeignRuntime() {
        let life = life()
        #expect(life.observe(seen(.notOurs, .ready), now: start) == .describe)
        #expect(life.observe(seen(.notOurs), now: start + .seconds(1)) == nil)
        #expect(life.state == .starting)
        #expect(life.observe(seen(.notOurs), now: start + .seconds(100)) == nil)
        #expect(life.state == .unhealthy)
        #expect(life.observe(seen(.notOurs, .ready), now: start + .seconds(101)) == .describe)
    }

    @Test("a wedged runtime is stopped although its health says ready")
    func stopsWedged() {
        let life = life()
        _ = life.observe(seen(.alive, .ready), now: start)
        let action = life.observe(seen(.alive, .ready, wedged: true), now: start + .seconds(30))
        #expect(action == .stop(reason: "requests are open and no token comes"))
        #expect(life.state == .unhealthy)
    }

    @Test("silence counts as wedged only with open requests, no byte and no step of the engine")
    func watchesProgress() {
        let watch = Held(ProgressWatch(timeout: .seconds(5), now: start))
        #expect(!watch.looksWedged(relaying: 0, lastByte: start, workMark: 1, now: start + .seconds(100)))
        #expect(!watch.looksWedged(relaying: 1, lastByte: start, workMark: 1, now: start + .seconds(104)))
        #expect(watch.looksWedged(relaying: 1, lastByte: start, workMark: 1, now: start + .seconds(105)))
        #expect(!watch.looksWedged(relaying: 1, lastByte: start, workMark: 2, now: start + .seconds(106)))
        #expect(!watch.looksWedged(relaying: 1, lastByte: start + .seconds(110), workMark: 2, now: start + .seconds(114)))
        #expect(watch.looksWedged(relaying: 1, lastByte: start + .seconds(110), workMark: nil, now: start + .seconds(115)))
    }
}

/// A value under test whose mutating calls can stand inside an expectation.
@dynamicMemberLookup
final class Held<Value> {
    var value: Value

    init(_ value: Value) {
        self.value = value
    }

    subscript<Member>(dynamicMember path: KeyPath<Value, Member>) -> Member { value[keyPath: path] }
}

extension Held where Value == RuntimeLife {
    func observe(_ seen: RuntimeLife.Observation, now: ContinuousClock.Instant) -> RuntimeLife.Action? { value.observe(seen, now: now) }
}

extension Held where Value == ProgressWatch {
    func looksWedged(relaying: Int, lastByte: ContinuousClock.Instant, workMark: Double?, now: ContinuousClock.Instant) -> Bool {
        value.looksWedged(relaying: relaying, lastByte: lastByte, workMark: workMark, now: now)
    }
}
