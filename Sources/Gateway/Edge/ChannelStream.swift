import NIOCore
import Reactor

/// A connection behind TLS, which is a channel of NIO's, as its handler sees it.
final class ChannelStream: ChannelInboundHandler, ByteStream {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var handler: (any StreamHandler)?
    private var context: ChannelHandlerContext?

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unwrapInboundIn(data).withUnsafeReadableBytes { handler?.received($0) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        handler?.receivedAll()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        handler?.inputEnded()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        handler?.writableChanged(context.channel.isWritable)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let handler = handler
        self.handler = nil
        handler?.closed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: From the handler

    var pendingBytes: Int {
        // A channel that is gone has none.
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    func write(_ bytes: ByteBuffer, isLast: Bool) {
        if isLast { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) } else { context?.write(wrapOutboundOut(bytes), promise: nil) }
    }

    func setReading(_ on: Bool) {
        // A channel that is gone reads nothing anyway.
        try? context?.channel.syncOptions?.setOption(.autoRead, value: on)
    }

    func whenWritten(_ act: @escaping () -> Void) {
        // An empty write ends after those before it.
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise(act))
    }

    func closeOutput(_ act: @escaping () -> Void) {
        context?.close(mode: .output, promise: promise(act))
    }

    private func promise(_ act: @escaping () -> Void) -> EventLoopPromise<Void>? {
        guard let promise = context?.eventLoop.makePromise(of: Void.self) else { return nil }
        promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            // Not once the handler has been told of the end.
            if self?.handler != nil { act() }
        }
        return promise
    }

    func close() {
        context?.close(promise: nil)
    }
}
