import Exchange
import NIOCore
import Testing

@testable import Link

@Suite("A peer that falls silent")
struct LinkSilenceTests {
    @Test("requests on a silent link fail within three seconds, on both sides")
    func silentUnderLoad() async throws {
        var fixture = try LinkFixture()
        fixture.settings.busyDead = LinkSettings().busyDead
        let relay = StallingRelay()
        try await fixture.run(through: relay.open) {
            let link = try await fixture.recorder.links(2)[0]
            let streaming = Asking(link, worker: "head")
            let hanging = Asking(link, worker: "hang")
            try await streaming.answer.wait("the first token") { $0.pieces == 1 }
            try await fixture.agent.seen.wait("both requests") { $0.requests == 2 }
            relay.stall()
            let stalled = ContinuousClock.now
            #expect(try await streaming.outcome().failure == .lostBeforeEnd)
            #expect(try await hanging.outcome().failure == .lostBeforeHead)
            #expect(stalled.duration(to: .now) < .seconds(3))
            try await fixture.agent.seen.wait("the agent to give up") { $0.resets >= 2 }
            #expect(stalled.duration(to: .now) < .seconds(4))
            relay.close()
        }
    }

    @Test("an idle link that fell silent is found too")
    func silentIdle() async throws {
        var fixture = try LinkFixture()
        fixture.settings.idlePing = .milliseconds(100)
        fixture.settings.idleDead = .seconds(2)
        let relay = StallingRelay()
        try await fixture.run(through: relay.open) {
            _ = try await fixture.recorder.links(2)
            relay.stall()
            // By whichever side finds it first: the relay passes on that the other closed.
            try await fixture.recorder.heard.wait("both links to die") { $0.closed.count >= 2 }
            relay.close()
        }
    }

    @Test("a link whose only reader is slow is not silent")
    func slowReader() async throws {
        var fixture = try LinkFixture()
        fixture.settings.busyDead = .seconds(3)
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let slow = Asking(link, worker: "held", reading: false)
            try await slow.answer.wait("its head") { $0.head != nil }
            // Longer than a silent peer lives.
            try await link.eventLoop.scheduleTask(in: .seconds(5)) {}.futureResult.get()
            #expect(link.isOpen)
            slow.setReading(true)
            #expect(try await slow.outcome().isEnded)
            #expect(fixture.recorder.heard.value.closed.isEmpty)
        }
    }

    @Test("a killed peer is noticed at once")
    func killed() async throws {
        let fixture = try LinkFixture()
        let relay = StallingRelay()
        try await fixture.run(through: relay.open) {
            let link = try await fixture.recorder.links(2)[0]
            let streaming = Asking(link, worker: "head")
            try await streaming.answer.wait("the first token") { $0.pieces == 1 }
            let killed = ContinuousClock.now
            relay.close()
            #expect(try await streaming.outcome().failure == .lostBeforeEnd)
            #expect(killed.duration(to: .now) < .milliseconds(1500))
        }
    }
}
