import NIOCore
import Testing

@testable import Link

@Suite("A peer that misbehaves on the wire")
struct LinkFloodTests {
    /// Runs an agent that listens, with a raw gateway connected to it.
    private func attacked(_ body: (LinkFixture, RawPeer) async throws -> Void) async throws {
        let fixture = try LinkFixture()
        let listener = try fixture.directListener()
        let port = try await listener.bind()
        try await running([listener.run]) {
            let peer = try await RawPeer.connect(port: port, as: try fixture.gatewayLeaf.credentials())
            try await peer.preface()
            try await body(fixture, peer)
        }
    }

    @Test("a flood of CONTINUATION frames closes the connection")
    func continuationFlood() async throws {
        try await attacked { _, peer in
            var flood = RawPeer.frame(type: 1, stream: 1, payload: RawPeer.requestHead)
            for _ in 0..<2_000 { flood.writeImmutableBuffer(RawPeer.frame(type: 9, stream: 1, payload: [0x83])) }
            peer.write(flood)
            try await peer.closed.wait("the connection to be closed") { $0 }
        }
    }

    @Test("resets beyond the limit close the connection, those below do not")
    func rapidReset() async throws {
        try await attacked { fixture, peer in
            var stream: UInt32 = 1
            func burst(_ count: Int) {
                var frames = ByteBuffer()
                for _ in 0..<count {
                    frames.writeImmutableBuffer(RawPeer.frame(type: 1, flags: 4, stream: stream, payload: RawPeer.requestHead))
                    frames.writeImmutableBuffer(RawPeer.frame(type: 3, stream: stream, payload: [0, 0, 0, 8]))
                    stream += 2
                }
                peer.write(frames)
            }
            burst(2_000)
            try await fixture.agent.seen.wait("two thousand resets") { $0.resets == 2_000 }
            #expect(!peer.closed.value)
            burst(4_000)
            try await peer.closed.wait("the connection to be closed") { $0 }
            #expect(fixture.agent.seen.value.resets <= 5_001)
        }
    }

    @Test("bytes that are no frames close the connection")
    func garbage() async throws {
        try await attacked { _, peer in
            peer.write(RawPeer.frame(type: 0, stream: 0, payload: [1, 2, 3]))
            try await peer.closed.wait("the connection to be closed") { $0 }
        }
    }

    @Test("a broken stream is reset and the others go on")
    func brokenStream() async throws {
        try await attacked { fixture, peer in
            peer.write(RawPeer.frame(type: 1, flags: 4, stream: 1, payload: RawPeer.requestHead))
            try await fixture.agent.seen.wait("a request") { $0.requests == 1 }
            // Trailers that do not end the stream.
            peer.write(RawPeer.frame(type: 1, flags: 4, stream: 1, payload: [0x82]))
            try await fixture.agent.seen.wait("its end") { $0.resets == 1 }
            peer.write(RawPeer.frame(type: 1, flags: 4, stream: 3, payload: RawPeer.requestHead))
            try await fixture.agent.seen.wait("another request") { $0.requests == 2 }
            #expect(!peer.closed.value)
        }
    }

    @Test("a peer that never speaks is closed at the deadline")
    func neverSpeaks() async throws {
        var fixture = try LinkFixture()
        fixture.settings.openDeadline = .seconds(2)
        let listener = try fixture.directListener()
        let port = try await listener.bind()
        try await running([listener.run]) {
            let peer = try await RawPeer.connect(port: port, as: try fixture.gatewayLeaf.credentials())
            try await peer.closed.wait("the connection to be closed") { $0 }
        }
    }
}
