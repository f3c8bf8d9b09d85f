import NIOCore
import NIOEmbedded
import NIOHTTP2
import Testing

@testable import Link

@Suite("Values of a link")
struct LinkValueTests {
    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds) }

    @Test("a busy link is asked after half a second and dead after two")
    func busyPulse() {
        var pulse = LinkPulse(LinkSettings(), now: at(0))
        pulse.becameBusy(at: at(0))
        #expect(pulse.due == at(500))
        #expect(pulse.tick(at: at(499)) == .wait)
        #expect(pulse.tick(at: at(500)) == .ping)
        #expect(pulse.due == at(2_000))
        #expect(pulse.tick(at: at(1_999)) == .wait)
        #expect(pulse.tick(at: at(2_000)) == .dead)
    }

    @Test("silence before the first request does not count against a busy link")
    func busyAfterIdle() {
        var pulse = LinkPulse(LinkSettings(), now: at(0))
        pulse.becameBusy(at: at(4_900))
        #expect(pulse.tick(at: at(5_000)) == .wait)
        #expect(pulse.tick(at: at(5_400)) == .ping)
        #expect(pulse.tick(at: at(6_900)) == .dead)
    }

    @Test("an idle link is asked every five seconds and dead after twelve")
    func idlePulse() {
        var pulse = LinkPulse(LinkSettings(), now: at(0))
        #expect(pulse.tick(at: at(5_000)) == .ping)
        pulse.heard(at: at(5_050))
        #expect(pulse.tick(at: at(10_049)) == .wait)
        #expect(pulse.tick(at: at(10_050)) == .ping)
        #expect(pulse.tick(at: at(17_050)) == .dead)
    }

    @Test("a link is not called dead by a process that was stopped itself")
    func ownStall() {
        var pulse = LinkPulse(LinkSettings(), now: at(0))
        pulse.becameBusy(at: at(0))
        #expect(pulse.tick(at: at(30_000)) == .ping)
        #expect(pulse.tick(at: at(31_999)) == .wait)
        #expect(pulse.tick(at: at(32_000)) == .dead)
    }

    @Test("waits between dials are spread below a bound that doubles")
    func backoff() {
        for attempts in 0..<12 {
            let waits = (0..<200).map { _ in
                var backoff = Backoff(LinkSettings())
                for _ in 0..<attempts { _ = backoff.next() }
                return backoff.next()
            }
            let bound = Duration.seconds(min(10.0, 0.5 * Double(1 << attempts)))
            #expect(waits.allSatisfy { $0 >= .zero && $0 <= bound })
            #expect(waits.contains { $0 > bound / 2 } && waits.contains { $0 < bound / 4 })
        }
    }

    @Test("a peer that drains is dialled at once, one that drains every link as it opens is not")
    func backoffAfterDrain() {
        var backoff = Backoff(LinkSettings())
        #expect(backoff.next(after: LinkEnd(lost: nil, lived: .seconds(2))) == .zero)
        let short = LinkEnd(lost: nil, lived: .milliseconds(10))
        let waits = (0..<10).map { _ in backoff.next(after: short) }
        #expect(waits.contains { $0 > .seconds(1) })
        #expect(backoff.attempts == 10)
        let long = LinkEnd(lost: LinkError(.closed, "lost"), lived: .seconds(60))
        #expect(backoff.next(after: long) <= .milliseconds(500))
        #expect(backoff.attempts == 1)
    }

    @Test("addresses are host and port", arguments: [("a.b:1", "a.b", 1), ("[::1]:7801", "::1", 7801), ("10.0.0.1:65535", "10.0.0.1", 65_535)])
    func goodAddress(text: String, host: String, port: Int) throws {
        let address = try #require(HostAndPort(text))
        #expect(address.host == host && address.port == port)
    }

    @Test("other texts are no addresses", arguments: ["", "a", "a:", ":1", "a:0", "a:65536", "::1:80", "[]:1"])
    func badAddress(text: String) {
        #expect(HostAndPort(text) == nil)
    }

    @Test("report lines may come in any pieces; an endless line is refused")
    func reportLines() throws {
        var reports = ReportStream(id: 1)
        #expect(reports.lines(ByteBuffer(string: "a\n\nb"))?.map { String(buffer: $0) } == ["a"])
        #expect(reports.lines(ByteBuffer(string: "c\nd\n"))?.map { String(buffer: $0) } == ["bc", "d"])
        #expect(reports.lines(ByteBuffer(repeating: 0x20, count: ReportStream.longestLine)) == [])
        #expect(reports.lines(ByteBuffer(string: " ")) == nil)
    }

    @Test("what one flush writes leaves as one buffer, large buffers as they are")
    func coalescing() throws {
        let channel = EmbeddedChannel(handler: WriteCoalescer())
        let sent = channel.eventLoop.makePromise(of: Void.self)
        channel.write(IOData.byteBuffer(ByteBuffer(string: "ab")), promise: nil)
        channel.write(IOData.byteBuffer(ByteBuffer(string: "cd")), promise: sent)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        channel.flush()
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "abcd"))
        try sent.futureResult.wait()
        let large = ByteBuffer(repeating: 1, count: 20_000)
        channel.write(IOData.byteBuffer(ByteBuffer(string: "e")), promise: nil)
        channel.write(IOData.byteBuffer(large), promise: nil)
        channel.flush()
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "e"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == large)
        #expect(try channel.finish().isClean)
    }
}
