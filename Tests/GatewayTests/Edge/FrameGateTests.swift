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

    private static func anyFrames(_ random: inout LoopRandom) -> [UInt8] {
        (0..<Int.random(in: 1...30, using: &random)).flatMap { _ in
            let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let type = UInt8.random(in: 0...12, using: &random)
            return FrameClient.frame(type, flags: .random(in: 0...255, using: &random), stream: .random(in: 0...9, using: &random), payload)
        }
    }

    /// What the gate passes on of these pieces, and whether fields are still under way.
    private static func pass(_ pieces: [ArraySlice<UInt8>]) throws -> (bytes: [UInt8], isWithinFields: Bool) {
        let gate = FrameGate(FrameWatch())
        let channel = EmbeddedChannel(handler: gate)
        for piece in pieces { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        var all = ByteBuffer()
        while var bytes = try channel.readInbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
        _ = try channel.finish(acceptAlreadyClosed: true)
        return (Array(all.readableBytesView), gate.fieldsBegan != nil)
    }

    @Test("of any frames, cut anywhere, it passes on every byte but the acknowledgement", arguments: 0..<12 as Range<UInt64>)
    func anyCut(seed: UInt64) throws {
        var random = LoopRandom(seed: seed)
        for _ in 0..<8 {
            let frames = Self.anyFrames(&random)
            // Not all of the last one.
            let rest = frames.dropLast(Int.random(in: 0...20, using: &random))
            let sent = FrameClient.opening + FrameClient.acknowledgement + rest
            var (pieces, at) = ([ArraySlice<UInt8>](), 0)
            while at < sent.count {
                let end = min(sent.count, at + Int.random(in: 1...24, using: &random))
                pieces.append(sent[at..<end])
                at = end
            }
            let (cut, whole) = (try Self.pass(pieces), try Self.pass([sent[...]]))
            #expect(cut == whole)
            // The head of a frame waits for its end.
            #expect(sent.starts(with: cut.bytes) && sent.count - cut.bytes.count < 9)
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
