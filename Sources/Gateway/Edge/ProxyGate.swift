import NIOCore
import Telemetry

/// Stands in front of everything on a connection of a proxy that speaks the PROXY protocol: nothing passes before the proxy has said for whom it
/// connects. How long that may take is `ProtocolGate`'s to say, which waits behind it.
final class ProxyGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: GatewayLoop
    private let book: ConnectionBook
    private let next: ProtocolGate
    private var arrived = ByteBuffer()
    private var isOver = false

    init(loop: GatewayLoop, book: ConnectionBook, next: ProtocolGate) {
        self.loop = loop
        self.book = book
        self.next = next
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var bytes = unwrapInboundIn(data)
        arrived.writeBuffer(&bytes)
        switch arrived.withUnsafeReadableBytes(ProxyHeader.read) {
        case .incomplete: break
        case .refused:
            loop.metrics.edge.countProxyRefusal(.malformed)
            close(context)
        case .whole(let header): pass(header, context)
        }
    }

    private func pass(_ header: ProxyHeader, _ context: ChannelHandlerContext) {
        guard book.enter(context.channel, from: header.source, loop) else { return close(context) }
        isOver = true
        // A connection of the proxy's own is the proxy's.
        if let source = header.source { next.peer = source }
        arrived.moveReaderIndex(forwardBy: header.length)
        let rest = arrived
        arrived = ByteBuffer()
        if rest.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func close(_ context: ChannelHandlerContext) {
        isOver = true
        arrived = ByteBuffer()
        context.close(promise: nil)
    }
}
