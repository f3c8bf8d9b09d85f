import Cryptography
import Exchange
import FoundationEssentials
import NIOCore
import NIOHPACK
import Testing

@testable import Link

@Suite("Requests over a link")
struct LinkExchangeTests {
    @Test("a stream of tokens arrives whole, whichever side dialled", arguments: [LinkFixture.Way.tunnel, .direct])
    func tokens(way: LinkFixture.Way) async throws {
        let fixture = try LinkFixture()
        try await fixture.run(way) {
            let link = try await fixture.recorder.links(2)[0]
            #expect(link.agentId == fixture.agentLeaf.identity.idText)
            let answer = try await Asking(link, worker: "tokens").outcome()
            #expect(answer.isEnded)
            #expect(answer.head == ExchangeHead(status: 200, isEventStream: true))
            #expect(String(buffer: answer.body) == (0..<8).map { "data: \($0)\n\n" }.joined())
        }
    }

    @Test("300 streams over two connections all end")
    func manyStreams() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let links = try await fixture.recorder.links(2)
            let asked = (0..<300).map { Asking(links[$0 % 2], worker: "length") }
            for one in asked { #expect(try await one.outcome().isEnded) }
            #expect(links.map(\.openStreams) == [0, 0])
        }
    }

    @Test("more requests than a connection takes are turned away, not queued")
    func overload() async throws {
        var fixture = try LinkFixture()
        fixture.settings.maximumStreams = 4
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let hanging = (0..<4).map { _ in Asking(link, worker: "hang") }
            #expect(try await Asking(link, worker: "tokens").outcome().failure == .overloaded)
            #expect(!link.takesRequests)
            for one in hanging { one.cancel() }
            try await fixture.agent.seen.wait("four resets") { $0.resets == 4 }
            #expect(try await Asking(link, worker: "tokens").outcome().isEnded)
        }
    }

    @Test(
        "an agent hears how long a request may wait for others, which is never longer than 25 ms", arguments: [(0, 0), (10, 10), (25, 25), (90, 25)])
    func batchWindow(asked: Int, heard: Int) async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let answer = try await Asking(link, worker: "window", window: asked).outcome()
            #expect(String(buffer: answer.body) == String(heard))
        }
    }

    @Test("a request without a window, or with none that is a number, waits for nobody", arguments: [nil, "", "x", "-5", "99999999999999999999"])
    func noBatchWindow(value: String?) {
        var headers = HPACKHeaders()
        if let value { headers.add(name: "plimsoll-batch-window", value: value) }
        let request = LinkRequest(headers, gateway: PeerIdentity(role: .gateway, id: UUID()), hasBody: true)
        #expect(request.batchWindow == 0)
    }

    @Test("a prompt of eight megabytes goes through, in two pieces")
    func bigPrompt() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let answer = try await Asking(link, worker: "length", body: ByteBuffer(repeating: 0x20, count: 8 << 20)).outcome()
            #expect(String(buffer: answer.body) == String(8 << 20))
        }
    }

    @Test("an agent's refusal comes before the prompt is read and frees the stream")
    func earlyRefusal() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let answer = try await Asking(link, worker: "refuse", body: ByteBuffer(repeating: 0x20, count: 8 << 20)).outcome()
            #expect(answer.head == ExchangeHead(status: 404, isEventStream: false, refusal: "unknown_worker"))
            #expect(answer.isEnded)
            #expect(try await Asking(link, worker: "tokens").outcome().isEnded)
        }
    }

    @Test("a cancelled request reaches the agent as a reset and nothing follows")
    func cancelled() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let asking = Asking(link, worker: "head")
            try await asking.answer.wait("the first token") { $0.pieces == 1 }
            asking.cancel()
            try await fixture.agent.seen.wait("the reset") { $0.resets == 1 }
            #expect(link.openStreams == 0)
            #expect(!asking.answer.value.isOver)
        }
    }

    @Test("an answer that the agent resets fails as reset while the link lives")
    func resetByAgent() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            #expect(try await Asking(link, worker: "cut").outcome().failure == .reset)
            #expect(try await Asking(link, worker: "tokens").outcome().isEnded)
        }
    }

    @Test("a reader that stops holds the agent back and no other stream")
    func slowReader() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let slow = Asking(link, worker: "flood", reading: false)
            let waiting = try await fixture.agent.seen.wait("the agent to wait") { $0.sentBeforeWaiting != nil }
            #expect(waiting.mostBuffered < 512 * 1024)
            #expect(try await Asking(link, worker: "tokens").outcome().isEnded)
            #expect(fixture.agent.seen.value.mostBuffered < 512 * 1024)
            slow.setReading(true)
            let answer = try await slow.outcome()
            #expect(answer.body.readableBytes == 4 << 20)
        }
    }

    @Test("a great answer that comes in many pieces arrives whole, whether its reader rests or not", arguments: [false, true])
    func greatAnswer(rests: Bool) async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let answer = try await Asking(link, worker: "turns", rests: rests).outcome()
            #expect(answer.body.readableBytes == ScriptedRequest.turnsLength)
            #expect(fixture.agent.seen.value.mostBuffered < 512 * 1024)
        }
    }

    @Test("what was written while earlier bytes were still on their way wakes its writer as well")
    func laterBytesWake() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            // The window is full, and far more than one frame waits behind it, when the reader begins.
            let slow = Asking(link, worker: "turns", reading: false)
            try await fixture.agent.seen.wait("the agent to wait") { $0.sentBeforeWaiting != nil }
            slow.setReading(true)
            #expect(try await slow.outcome().body.readableBytes == ScriptedRequest.turnsLength)
        }
    }

    @Test("an answer that waits for a slow reader is not over when it was given, but when its last byte has left")
    func heldAnswer() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            let slow = Asking(link, worker: "held", reading: false)
            try await fixture.agent.seen.wait("the agent's end") { $0.ended == 1 }
            #expect(fixture.agent.seen.value.over == 0)
            slow.setReading(true)
            #expect(try await slow.outcome().body.readableBytes == 400 * 1024)
            try await fixture.agent.seen.wait("the stream's end") { $0.over == 1 }
        }
    }

    @Test("every stream is over once, however it ends", arguments: ["tokens", "cut", "refuse"])
    func overOnce(worker: String) async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let links = try await fixture.recorder.links(2)
            try await fixture.agent.seen.wait("both report streams") { $0.reports == 2 }
            _ = try await Asking(links[0], worker: worker).outcome()
            try await fixture.agent.seen.wait("the stream's end") { $0.over == 1 }
        }
        // The two report streams end with their links.
        try await fixture.agent.seen.wait("the end of reports") { $0.over == 3 }
    }

    @Test("a gateway whose stream ids run out says goodbye, and another link is made")
    func idsRunOut() async throws {
        var fixture = try LinkFixture()
        fixture.settings.lastStreamId = 5
        try await fixture.run {
            let link = try await fixture.recorder.links(2)[0]
            // Reports have id 1.
            for _ in 0..<2 { #expect(try await Asking(link, worker: "length").outcome().isEnded) }
            try await fixture.recorder.heard.wait("a third link") { $0.opened == 3 }
            try await fixture.recorder.heard.wait("the end of the first") { $0.closed.count == 1 }
            #expect(!link.isOpen)
        }
    }

    @Test("report lines are joined over frames and read from every link")
    func reports() async throws {
        let fixture = try LinkFixture()
        try await fixture.run {
            let heard = try await fixture.recorder.heard.wait("reports") { $0.reports.count == 4 }
            #expect(Set(heard.reports) == ["{\"report\":1}", "{\"report\":2}"])
        }
    }
}
