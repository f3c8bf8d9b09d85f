import NIOCore
import NIOPosix
import Reactor

/// Customers' connections that are channels of NIO's, because they speak TLS or HTTP/2.
enum EdgeChannel {
    /// Makes a channel of a connected socket, which it owns from now on.
    ///
    /// - Parameters:
    ///   - first: What has been received from it already.
    ///   - whenClosed: Called once, also when there will be no channel.
    ///   - install: Puts the handlers into it.
    static func open(
        _ descriptor: Int32, first: ByteBuffer, loop: GatewayLoop, whenClosed: (() -> Void)?,
        install: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void
    ) {
        ClientBootstrap(group: loop.eventLoop)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try setOptions(of: channel) } }
            .withConnectedSocket(descriptor).assumeIsolated().whenComplete { result in
                guard case .success(let channel) = result else { return whenClosed?() ?? () }
                channel.closeFuture.assumeIsolated().whenComplete { _ in whenClosed?() }
                begin(channel, first, install)
            }
    }

    /// Only a channel that is active lets its handlers write, as those of HTTP/2 do at once. It has read nothing yet.
    private static func begin(_ channel: any Channel, _ first: ByteBuffer, _ install: (ChannelPipeline.SynchronousOperations) throws -> Void) {
        let pipeline = channel.pipeline.syncOperations
        do { try install(pipeline) } catch { return channel.close(promise: nil) }
        guard first.readableBytes > 0 else { return }
        pipeline.fireChannelRead(NIOAny(first))
        pipeline.fireChannelReadComplete()
    }

    /// One after the other here they cost a tenth of what a bootstrap takes for them.
    private static func setOptions(of channel: any Channel) throws {
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 4)
        // Each connection keeps its last buffer, however long its stream is.
        let receiving = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 65536)
        try channel.syncOptions?.setOption(.recvAllocator, value: receiving)
    }
}
