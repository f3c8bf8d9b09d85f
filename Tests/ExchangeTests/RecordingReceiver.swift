import Exchange
import NIOCore

/// Collects one answer and says when it is over.
final class RecordingReceiver: ExchangeReceiver {
    struct Answer: Sendable {
        var head: ExchangeHead?
        var body = ""
        var failure: ExchangeFailure?
        var reads = 0
    }

    private var answer = Answer()
    private let over: EventLoopPromise<Answer>
    var onBody: (() -> Void)?
    private(set) var isOver = false

    init(_ over: EventLoopPromise<Answer>) {
        self.over = over
    }

    func exchangeHead(_ head: ExchangeHead) { answer.head = head }

    func exchangeBody(_ bytes: ByteBuffer) {
        answer.body += String(buffer: bytes)
        onBody?()
    }

    func exchangeReadComplete() { answer.reads += 1 }

    func exchangeEnd() {
        isOver = true
        over.succeed(answer)
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        isOver = true
        answer.failure = failure
        over.succeed(answer)
    }
}
