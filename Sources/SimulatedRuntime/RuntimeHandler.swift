import NIOCore
import NIOHTTP1

/// One connection: reads a request, answers it, reads the next. A client that leaves ends the answer that it waited for.
final class RuntimeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Requests beyond this are cut off: 64 MiB.
    private static let bodyLimit = 64 << 20

    private let engine: Engine
    private let servesControl: Bool
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var generation: Generation?

    init(engine: Engine, servesControl: Bool) {
        self.engine = engine
        self.servesControl = servesControl
    }

    func channelActive(context: ChannelHandlerContext) {
        engine.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        engine.closed(context.channel)
        generation?.abort()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let next):
            // A second request before the first is answered: no caller of ours pipelines, so it is a mistake worth seeing.
            if let generation, !generation.isOver { return context.close(promise: nil) }
            head = next
            body.clear()
        case .body(var part):
            body.writeBuffer(&part)
            if body.readableBytes > Self.bodyLimit { context.close(promise: nil) }
        case .end:
            guard let head else { return }
            answer(head, Array(body.readableBytesView), context.channel)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8], _ channel: any Channel) {
        let writer = ResponseWriter(channel: channel, keepsAlive: head.isKeepAlive, dialect: engine.settings.dialect)
        let parts = head.uri.split(separator: "?", maxSplits: 1)
        let path = String(parts.first ?? "/")
        if servesControl, path == "/_control" { return ControlRoute(engine: engine).answer(head.method, body, writer) }
        switch (head.method, path) {
        case (.POST, "/v1/chat/completions"): complete(.chat, body, writer)
        case (.POST, "/v1/completions"): complete(.text, body, writer)
        case (.GET, _): InfoRoutes(engine: engine).answer(path, query: parts.count > 1 ? String(parts[1]) : "", writer)
        default: refuse(.notFound, writer)
        }
    }

    private func complete(_ kind: CompletionRequest.Kind, _ body: [UInt8], _ writer: ResponseWriter) {
        let request: CompletionRequest
        do {
            request = try CompletionRequest(kind: kind, body: body)
        } catch {
            _ = engine.refused(.malformed(""))
            return refuse(.malformed("the request's body could not be read"), writer)
        }
        switch engine.submit(request, writer: writer) {
        case .success(let started): generation = started
        case .failure(let rejection): refuse(rejection.refusal, writer)
        }
    }

    private func refuse(_ refusal: Refusal, _ writer: ResponseWriter) {
        writer.whole(refusal.status(in: engine.settings.dialect), refusal.body(in: engine.settings.dialect))
    }
}
