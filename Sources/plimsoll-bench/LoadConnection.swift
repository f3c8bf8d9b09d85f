import NIOCore

/// One customer.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let plan: LoadPlan
    private let number: Int
    private let tally: LoadTally
    private var scanner: AnswerScanner
    private var turn = 0
    private var isAsking = false
    private var began = NIODeadline.now()
    private var lastToken: NIODeadline?

    init(plan: LoadPlan, number: Int, tally: LoadTally) {
        self.plan = plan
        self.number = number
        self.tally = tally
        scanner = AnswerScanner(tokens: plan.tokens)
    }

    func channelActive(context: ChannelHandlerContext) {
        ask(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for finding in scanner.read(unwrapInboundIn(data)) {
            switch finding {
            case .token: token()
            case .end(let isRight): ended(isRight, context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isAsking { tally.lost += 1 }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard NIODeadline.now() < plan.ends else { return context.close(promise: nil) }
        isAsking = true
        began = .now()
        lastToken = nil
        context.writeAndFlush(wrapOutboundOut(plan.requests[(number + turn) % plan.requests.count]), promise: nil)
        turn += 1
    }

    private func token() {
        let now = NIODeadline.now()
        if let lastToken {
            tally.gap.add((now - lastToken).nanoseconds / 1000)
        } else {
            tally.firstToken.add((now - began).nanoseconds / 1000)
        }
        lastToken = now
    }

    private func ended(_ isRight: Bool, _ context: ChannelHandlerContext) {
        isAsking = false
        tally.completed += 1
        if !isRight { tally.wrong += 1 }
        tally.latency.add((NIODeadline.now() - began).nanoseconds / 1000)
        ask(context)
    }
}
