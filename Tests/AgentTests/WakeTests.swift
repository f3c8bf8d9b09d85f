import Exchange
import PlimsollWire
import Testing

@testable import Agent

@Suite("Pauses that end early", .timeLimit(.minutes(1)))
struct WakeTests {
    @Test("a ring ends the pause, also one that came before it; without one it lasts its time")
    func rings() async {
        let wake = Wake()
        wake.ring()
        await wake.pause(atMost: .seconds(600))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await wake.pause(atMost: .seconds(600)) }
            group.addTask { wake.ring() }
            await group.waitForAll()
        }
        let began = ContinuousClock.now
        await wake.pause(atMost: .milliseconds(30))
        #expect(ContinuousClock.now - began >= .milliseconds(30))
    }

    @Test("a runtime's news ring, what is known already does not")
    func ringsForNews() async {
        let wake = Wake()
        let configuration = RuntimeConfiguration(name: "r", release: "x", dialect: .vllm, address: .unix(path: "/r"))
        let status = RuntimeStatus(configuration: configuration, changed: wake)
        status.publish(state: .ready)
        await wake.pause(atMost: .seconds(600))
        status.publish(state: .ready)
        let began = ContinuousClock.now
        await wake.pause(atMost: .milliseconds(30))
        #expect(ContinuousClock.now - began >= .milliseconds(30))
    }

    @Test("an idle host looks every two seconds, one that drains or has no link four times a second, and never past a heartbeat")
    func pauses() {
        let start = ContinuousClock.now
        var schedule = HeartbeatSchedule(now: start)
        let idle = HeartbeatSchedule.Facts(state: .serving, runtimes: [], gateways: ["g"])
        let draining = HeartbeatSchedule.Facts(state: .draining, runtimes: [], gateways: ["g"])
        let alone = HeartbeatSchedule.Facts(state: .serving, runtimes: [], gateways: [])
        let answer = HeartbeatResponse(generation: 1, nextHeartbeatSeconds: 10, wantsInventory: false)
        schedule.sent(idle, inventory: nil, answer: answer, now: start)
        #expect(schedule.pause(idle, now: start) == .seconds(2))
        #expect(schedule.pause(idle, now: start + .seconds(9)) == .seconds(1))
        #expect(schedule.pause(draining, now: start) == .milliseconds(250))
        #expect(schedule.pause(alone, now: start) == .milliseconds(250))
    }
}
