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
    private static let streams = 100
    private static let fieldBytes = 32 * 1024
    /// In `rateWindow`: a busy proxy's customers leave and its keep-alives ping, but not more often than this.
    private static let resets = 300
    private static let controlFrames = 600
    private static let rateWindow = TimeAmount.seconds(30)

    /// Puts HTTP/2 at the end of the pipeline; the frame layer begins with its settings.
    static func install(
        on pipeline: ChannelPipeline.SynchronousOperations, loop: GatewayLoop, peer: NetworkAddress?, deadline: NIODeadline
    ) throws {
        let watch = FrameWatch()
        try pipeline.addHandler(WriteCoalescer())
        try pipeline.addHandler(
            NIOHTTP2Handler(mode: .server, frameDelegate: watch, connectionConfiguration: frames, streamConfiguration: streamFrames))
        try pipeline.addHandler(HTTP2Connection(loop: loop, peer: peer, watch: watch, deadline: deadline))
    }

    private static var frames: NIOHTTP2Handler.ConnectionConfiguration {
        var frames = NIOHTTP2Handler.ConnectionConfiguration()
        frames.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streams),
            HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: fieldBytes),
        ]
        // `RequestFields` does it, of which HTTP/1.1 has the same rules.
        frames.headerBlockValidation = .disabled
        frames.maximumRecentlyResetStreams = 256
        frames.maximumConnectionGlitches = 1_000
        frames.maximumBufferedControlFrames = 1_000
        frames.controlFrameRateLimit.maximumCount = controlFrames
        frames.controlFrameRateLimit.windowLength = rateWindow
        return frames
    }

    private static var streamFrames: NIOHTTP2Handler.StreamConfiguration {
        var frames = NIOHTTP2Handler.StreamConfiguration()
        frames.streamResetFrameRateLimit.maximumCount = resets
        frames.streamResetFrameRateLimit.windowLength = rateWindow
        frames.streamErrorRateLimit.maximumCount = resets
        frames.streamErrorRateLimit.windowLength = rateWindow
        return frames
    }
}
