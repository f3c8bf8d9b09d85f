import Exchange
import PlimsollWire
import Testing

@testable import Agent

@Suite("Decisions about a runtime")
struct RuntimeLifeTests {
    private let start = ContinuousClock.now

    private func seen(
        _ process: RuntimeLife.Process, _ health: RuntimeClient.Health = .absent, wedged: Bool = false, isMoving: Bool = false
    ) -> RuntimeLife.Observation {
        RuntimeLife.Observation(process: process, health: health, wedged: wedged, isMoving: isMoving)
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

    @Test(
        "a health endpoint that gives no answer is no verdict while tokens move; its own bad word is",
        arguments: [
            (RuntimeClient.Health.silent("no answer"), true, false), (.absent, true, false), (.silent("no answer"), false, true),
            (.failing("health answers 503"), true, true),
        ])
    func believesTokens(health: RuntimeClient.Health, isMoving: Bool, leaves: Bool) {
        let life = life()
        _ = life.observe(seen(.alive, .ready), now: start)
        var actions: [RuntimeLife.Action] = []
        for look in 1...20 {
            if let action = life.observe(seen(.alive, health, isMoving: isMoving), now: start + .seconds(look)) { actions.append(action) }
        }
        #expect((life.state != .ready) == leaves)
        #expect(actions.isEmpty != leaves)
    }
}

@Suite("Whether a runtime moves")
struct ProgressWatchTests {
    private let start = ContinuousClock.now
    private let watch: Held<ProgressWatch>

    init() { watch = Held(ProgressWatch(timeout: .seconds(5), now: start)) }

    private func looksWedged(relaying: Int, since: Int = 0, work: Double?, at second: Int) -> Bool {
        watch.value.looksWedged(relaying: relaying, silentSince: start + .seconds(since), workMark: work, now: start + .seconds(second))
    }

    @Test("silence is suspicious only with open requests, no byte and no step of the engine")
    func watchesProgress() {
        #expect(!looksWedged(relaying: 0, work: 1, at: 100))
        #expect(!looksWedged(relaying: 1, work: 1, at: 104))
        #expect(looksWedged(relaying: 1, work: 1, at: 105))
        #expect(!looksWedged(relaying: 1, work: 2, at: 106))
        #expect(!looksWedged(relaying: 1, since: 110, work: 2, at: 114))
        #expect(looksWedged(relaying: 1, since: 110, work: nil, at: 115))
    }

    @Test("two probes without a token are the verdict, one is not; a token takes it back")
    func wantsTwoProbes() {
        watch.value.probed(.nothing, queue: nil)
        #expect(!watch.isWedged)
        watch.value.probed(.nothing, queue: nil)
        #expect(watch.isWedged)
        #expect(looksWedged(relaying: 0, work: nil, at: 1))
        watch.value.probed(.token, queue: nil)
        #expect(!watch.isWedged)
        watch.value.probed(.nothing, queue: nil)
        #expect(!looksWedged(relaying: 0, work: nil, at: 2))
        watch.value.probed(.nothing, queue: nil)
        #expect(!watch.isWedged)
    }

    @Test("a refusal counts when the queue stands still, not when it moves or is unknown")
    func readsRefusals() {
        for length in 1...5 { watch.value.probed(.refused, queue: .init(running: 1, waiting: length)) }
        for _ in 0..<5 { watch.value.probed(.refused, queue: nil) }
        #expect(!watch.isWedged)
        for _ in 0..<3 { watch.value.probed(.refused, queue: .init(running: 1, waiting: 9)) }
        #expect(watch.isWedged)
    }

    @Test("bytes and steps move a runtime; requests that begin do not")
    func movesByBytes() {
        let status = RuntimeStatus(configuration: RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: "/r")))
        status.relayBegan()
        let since = status.silentSince
        status.relayBegan()
        #expect(status.silentSince == since)
        #expect(!watch.isMoving(status.lastByte, start))
        status.sawByte()
        #expect(watch.isMoving(status.lastByte, .now))
        #expect(!watch.isMoving(status.lastByte, .now + .seconds(6)))
        _ = looksWedged(relaying: 1, work: 1, at: 10)
        #expect(!watch.isMoving(nil, start + .seconds(11)))
        _ = looksWedged(relaying: 1, work: 2, at: 12)
        #expect(watch.isMoving(nil, start + .seconds(13)))
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
    func isMoving(_ lastByte: ContinuousClock.Instant?, _ now: ContinuousClock.Instant) -> Bool { value.isMoving(lastByte: lastByte, now: now) }
}
