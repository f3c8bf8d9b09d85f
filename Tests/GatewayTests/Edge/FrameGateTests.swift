import Link
import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

@Suite("Frame gate") struct FrameGateTests {
    private static let more =
        FrameClient.frame(1, flags: 5, stream: 1, [0x82]) + FrameClient.frame(0x42, [1, 2, 3]) + FrameClient.frame(6, [0, 0, 0, 0, 0, 0, 0, 4])
    private static let sent = FrameClient.opening + FrameClient.frame(8, [0, 0, 0, 1]) + FrameClient.acknowledgement + more
    /// The frame layer hears of the acknowledgement right behind the client's settings.
    private static let passed = FrameClient.opening + FrameClient.acknowledgement + FrameClient.frame(8, [0, 0, 0, 1]) + more

    /// Halves of the bytes, cut everywhere, and single bytes.
    private static var cuts: [[ArraySlice<UInt8>]] {
        sent.indices.map { [sent[..<$0], sent[$0...]] } + [sent.indices.map { sent[$0...$0] }]
    }

    @Test("the frame layer hears at once that its settings are known, however the bytes come")
    func acknowledges() throws {
        for pieces in Self.cuts {
            let channel = EmbeddedChannel(handler: FrameGate(FrameWatch()))
            for piece in pieces { try channel.writeInbound(ByteBuffer(bytes: piece)) }
            var all = ByteBuffer()
            while var bytes = try channel.readInbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
            #expect(Array(all.readableBytesView) == Self.passed)
            _ = try channel.finish(acceptAlreadyClosed: true)
        }
    }

    @Test("the client is told of the bound that holds")
    func tellsStreams() throws {
        let channel = EmbeddedChannel(handler: FrameGate(FrameWatch()))
        let settings = FrameClient.frame(4, [0, 4, 0, 3, 0, 3, 0, 3, 0x7f, 0xff, 0xff, 0xff])
        for _ in 0..<2 { try channel.writeOutbound(ByteBuffer(bytes: settings + settings)) }
        let told = FrameClient.frame(4, [0, 4, 0, 3, 0, 3, 0, 3, 0, 0, 0, 100])
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(bytes: told + settings))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(bytes: settings + settings))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("frames that do not begin with settings are left to the frame layer")
    func otherBeginnings() throws {
        let channel = EmbeddedChannel(handler: FrameGate(FrameWatch()))
        let bytes = FrameClient.opening.prefix(24) + FrameClient.acknowledgement + FrameClient.acknowledgement
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(bytes: bytes))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
