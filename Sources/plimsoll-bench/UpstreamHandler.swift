import NIOCore

/// One connection of the upstream.
final class UpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answers: UpstreamAnswers
    private let first: TimeAmount
    private let gap: TimeAmount
    private var reader = RequestReader()
    private var timer: Scheduled<Void>?

    init(answers: UpstreamAnswers, first: TimeAmount, gap: TimeAmount) {
        self.answers = answers
        self.first = first
        self.gap = gap
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.append(unwrapInboundIn(data))
        while let request = reader.next() { answer(request, context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: RequestReader.Request, _ context: ChannelHandlerContext) {
        switch request.path {
        case "/v1/chat/completions" where request.streams:
            send(answers.head, context)
            next(0, of: answers.events[request.model] ?? [], request, context, after: first)
        case "/v1/chat/completions": send(answers.whole[request.model] ?? answers.health, context)
        case "/v1/models": send(answers.models, context)
        default: send(answers.health, context)
        }
    }

    private func next(
        _ index: Int, of events: [ByteBuffer], _ request: RequestReader.Request, _ context: ChannelHandlerContext, after pause: TimeAmount
    ) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in
            // The role goes with the first token, the finish with the last, as runtimes send them.
            context.write(wrapOutboundOut(events[index]), promise: nil)
            if index == 0 { context.write(wrapOutboundOut(events[1]), promise: nil) }
            let following = index == 0 ? 2 : index + 1
            guard following == events.count - 1 else {
                context.flush()
                return next(following, of: events, request, context, after: gap)
            }
            context.write(wrapOutboundOut(events[following]), promise: nil)
            if request.wantsUsage, let usage = answers.usage[request.model] { context.write(wrapOutboundOut(usage), promise: nil) }
            send(answers.end, context)
        }
    }

    private func send(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}
