import Exchange
import NIOCore

@testable import Link

struct Answer: Sendable {
    var head: ExchangeHead?
    var body = ByteBuffer()
    var pieces = 0
    var isEnded = false
    var failure: ExchangeFailure?
    var isOver: Bool { isEnded || failure != nil }
}

/// One request of a test, from the gateway's side. `answer` tells how far it is.
final class Asking: ExchangeReceiver, Sendable {
    let answer = Watched(Answer())
    private let link: LinkConnection
    private let rests: Bool
    private let running = Watched<NIOLoopBound<any RunningExchange>?>(nil)

    /// - Parameter rests: stops reading after each piece until the next turn of the loop.
    init(
        _ link: LinkConnection, worker: String, body: ByteBuffer = ByteBuffer(string: "{}"), window: Int = 0, reading: Bool = true,
        rests: Bool = false
    ) {
        self.link = link
        self.rests = rests
        link.eventLoop.execute { [self] in
            let request = ExchangeRequest(
                path: "/v1/chat/completions", requestId: "request-1", worker: worker, batchWindow: window, body: body)
            let exchange = link.start(request, receiver: self)
            if !reading { exchange.setReading(false) }
            running.change { $0 = NIOLoopBound(exchange, eventLoop: link.eventLoop) }
        }
    }

    func cancel() { onLoop { $0.cancel() } }
    func setReading(_ on: Bool) { onLoop { $0.setReading(on) } }

    func outcome() async throws -> Answer {
        try await answer.wait("the end of an answer") { $0.isOver }
    }

    func exchangeHead(_ head: ExchangeHead) { answer.change { $0.head = head } }
    func exchangeBody(_ bytes: ByteBuffer) {
        answer.change {
            $0.body.writeImmutableBuffer(bytes)
            $0.pieces += 1
        }
        guard rests else { return }
        running.value?.value.setReading(false)
        setReading(true)
    }
    func exchangeReadComplete() {}
    func exchangeEnd() { answer.change { $0.isEnded = true } }
    func exchangeFailed(_ failure: ExchangeFailure) { answer.change { $0.failure = failure } }

    private func onLoop(_ what: @escaping @Sendable (any RunningExchange) -> Void) {
        link.eventLoop.execute { [self] in
            if let exchange = running.value?.value { what(exchange) }
        }
    }
}
