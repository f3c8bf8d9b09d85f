import Exchange
import NIOCore
import Testing

@testable import Link

@Suite("Draining a link")
struct LinkDrainTests {
    @Test("an agent that drains finishes what runs, takes nothing new and closes")
    func agentDrains() async throws {
        let fixture = try LinkFixture()
        let (listener, tunnel) = (try fixture.listener(), try fixture.tunnel())
        let port = try await listener.bind()
        tunnel.setGateways([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "127.0.0.1:\(port)")])
        try await running([listener.run, tunnel.run]) {
            let links = try await fixture.recorder.links(2)
            let long = Asking(links[0], worker: "flood", reading: false)
            try await long.answer.wait("its head") { $0.head != nil }
            async let drained: Void = tunnel.drain()
            try await fixture.recorder.heard.wait("two GOAWAYs") { $0.draining == 2 }
            #expect(!links[0].takesRequests)
            #expect(try await Asking(links[0], worker: "tokens").outcome().failure == .connectFailed)
            long.setReading(true)
            #expect(try await long.outcome().isEnded)
            await drained
            try await fixture.recorder.heard.wait("closed links") { $0.closed.count == 2 }
        }
    }

    @Test("a gateway that drains finishes what runs; the agent dials again at once")
    func gatewayDrains() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let links = try await fixture.recorder.links(2)
            let long = Asking(links[0], worker: "flood", reading: false)
            try await long.answer.wait("its head") { $0.head != nil }
            links[0].drain()
            _ = try await fixture.recorder.heard.wait("a third link") { $0.opened == 3 }
            long.setReading(true)
            #expect(try await long.outcome().isEnded)
            try await fixture.recorder.heard.wait("the drained link to close") { $0.closed.count == 1 }
        }
    }

    @Test("a drain that waits for a reader who never reads ends when it is cancelled")
    func cancelledDrain() async throws {
        let fixture = try LinkFixture()
        let (listener, tunnel) = (try fixture.listener(), try fixture.tunnel())
        let port = try await listener.bind()
        tunnel.setGateways([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "127.0.0.1:\(port)")])
        try await running([listener.run, tunnel.run]) {
            let stuck = Asking(try await fixture.recorder.links(2)[0], worker: "held", reading: false)
            try await stuck.answer.wait("its head") { $0.head != nil }
            let drain = Task { await tunnel.drain() }
            try await fixture.recorder.heard.wait("two GOAWAYs") { $0.draining == 2 }
            let began = ContinuousClock.now
            drain.cancel()
            await drain.value
            #expect(began.duration(to: .now) < .seconds(10))
            #expect(try await stuck.outcome().failure == .lostBeforeEnd)
        }
    }

    @Test("a shorter drain wins over a longer one")
    func shorterDrain() async throws {
        let fixture = try LinkFixture()
        let listener = try fixture.listener()
        let port = try await listener.bind()
        let pipeline = LinkPipeline(
            side: .agent(fixture.agent), credentials: try fixture.agentLeaf.credentials(), admission: fixture.gateways, settings: fixture.settings,
            sessions: LinkSessions())
        let dialler = LinkDialler(pipeline: pipeline, group: fixture.group, logger: fixture.logger)
        dialler.want([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "127.0.0.1:\(port)")])
        try await running([listener.run, dialler.run]) {
            let stuck = Asking(try await fixture.recorder.links(2)[0], worker: "held", reading: false)
            try await stuck.answer.wait("its head") { $0.head != nil }
            async let drained: Void = dialler.drain()
            try await fixture.recorder.heard.wait("two GOAWAYs") { $0.draining == 2 }
            let began = ContinuousClock.now
            await pipeline.sessions.end(.drain(within: .milliseconds(100)))
            await drained
            #expect(began.duration(to: .now) < .seconds(10))
        }
    }

    @Test("requests that cross a GOAWAY on the wire are answered or turned away, never lost")
    func crossing() async throws {
        let fixture = try LinkFixture()
        let (listener, tunnel) = (try fixture.listener(), try fixture.tunnel())
        let port = try await listener.bind()
        tunnel.setGateways([LinkPeer(id: fixture.gatewayLeaf.identity.idText, address: "127.0.0.1:\(port)")])
        try await running([listener.run, tunnel.run]) {
            let links = try await fixture.recorder.links(2)
            async let drained: Void = tunnel.drain()
            let asked = (0..<100).map { Asking(links[$0 % 2], worker: "length") }
            for one in asked {
                let answer = try await one.outcome()
                #expect(answer.isEnded || answer.failure == .connectFailed)
            }
            await drained
        }
    }
}
