import Domain
import Telemetry
import NIOCore
import NIOHTTP2
import NIOTLS

/// Stands behind TLS in a new connection's pipeline until ALPN tells what the client speaks. Then it makes way for that protocol's handler.
final class ProtocolGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: GatewayLoop
    /// See `CustomerConnection`.
    private let peer: NetworkAddress?
    private let deadline: NIODeadline
    private var context: ChannelHandlerContext?
    private var arrived = ByteBuffer()
    private var isListed = false
    var position = 0

    init(loop: GatewayLoop, peer: NetworkAddress?) {
        self.loop = loop
        self.peer = peer
        deadline = .now() + .seconds(Int64(loop.settings.headTime))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isListed = true
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        arrived.writeBuffer(&bytes)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated): become(context, negotiated == "h2" ? .http2 : .http1)
        // Half a connection on which nothing was asked is of no use.
        case ChannelEvent.inputClosed: closeNow()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
    }

    /// A handshake that failed, as a rule.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        loop.metrics.edge.failedHandshakes.increment()
        closeNow()
    }

    private enum Spoken {
        case http1
        case http2
    }

    private func become(_ context: ChannelHandlerContext, _ spoken: Spoken) {
        leave()
        let pipeline = context.pipeline.syncOperations
        do {
            switch spoken {
            case .http1:
                let stream = ChannelStream()
                let connection = CustomerConnection(loop: loop, peer: peer, stream: stream)
                stream.handler = connection
                try pipeline.addHandler(stream)
                loop.add(connection)
            case .http2: try HTTP2Connection.install(on: pipeline, loop: loop, peer: peer, deadline: deadline)
            }
        } catch {
            return closeNow()
        }
        if arrived.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(arrived))
            context.fireChannelReadComplete()
        }
        pipeline.removeHandler(self, promise: nil)
    }

    private func leave() {
        guard isListed else { return }
        isListed = false
        loop.remove(self)
    }
}

extension ProtocolGate: EdgeConnection {
    var isBusy: Bool { false }
    var isUnanswered: Bool { false }

    func tick(_ now: NIODeadline) {
        if now >= deadline { closeNow() }
    }

    func drain() { closeNow() }

    func cut() { closeNow() }

    func closeNow() {
        let context = context
        leave()
        context?.close(promise: nil)
    }
}
