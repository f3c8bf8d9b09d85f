import Domain
import Link
import NIOCore
import NIOHTTP2

extension HTTP2Connection {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let streamWindow = 64 * 1024
    /// Of a stream whose key has been checked.
    static let knownWindow = 256 * 1024
    static let connectionWindow = 1 << 20
    static let mostStreams = 100
    private static let fieldBytes = 32 * 1024

    /// Puts HTTP/2 at the end of the pipeline; the frame layer begins with its settings.
    static func install(
        on pipeline: ChannelPipeline.SynchronousOperations, loop: GatewayLoop, peer: NetworkAddress?, deadline: NIODeadline
    ) throws {
        let watch = FrameWatch()
        let gate = FrameGate(watch)
        try pipeline.addHandler(gate)
        try pipeline.addHandler(WriteCoalescer())
        try pipeline.addHandler(
            NIOHTTP2Handler(mode: .server, frameDelegate: watch, connectionConfiguration: frames, streamConfiguration: streamFrames))
        try pipeline.addHandler(HTTP2Connection(loop: loop, peer: peer, watch: watch, gate: gate, deadline: deadline))
    }

    private static var frames: NIOHTTP2Handler.ConnectionConfiguration {
        var frames = NIOHTTP2Handler.ConnectionConfiguration()
        frames.initialSettings = [
            // The gate tells the client of our bound: the frame layer would end the connection for a stream above it.
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Int(Int32.max)),
            HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: fieldBytes),
        ]
        // `RequestFields` does it, of which HTTP/1.1 has the same rules.
        frames.headerBlockValidation = .disabled
        // What was on its way to a stream when that was reset is passed over; to others it is an error.
        frames.maximumRecentlyResetStreams = FrameBudget.resets + mostStreams
        frames.maximumConnectionGlitches = 1_000
        frames.maximumBufferedControlFrames = 1_000
        frames.controlFrameRateLimit.maximumCount = FrameBudget.idleFrames
        frames.controlFrameRateLimit.windowLength = FrameBudget.window
        return frames
    }

    private static var streamFrames: NIOHTTP2Handler.StreamConfiguration {
        var frames = NIOHTTP2Handler.StreamConfiguration()
        frames.streamResetFrameRateLimit.maximumCount = FrameBudget.resets
        frames.streamResetFrameRateLimit.windowLength = FrameBudget.window
        frames.streamErrorRateLimit.maximumCount = FrameBudget.resets
        frames.streamErrorRateLimit.windowLength = FrameBudget.window
        return frames
    }
}
