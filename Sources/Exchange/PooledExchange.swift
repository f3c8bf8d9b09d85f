import NIOCore

/// One request of a pool, on whichever connection it is.
final class PooledExchange: RunningExchange {
    /// Nil from the first byte of an answer on: it will not be sent again, and its body may be large.
    private(set) var request: ExchangeRequest?
    private var receiver: (any ExchangeReceiver)?
    private let pool: RuntimePool
    /// Nil without one and when this is over. Not weak: that would put every count of the connection into a table of its own.
    private var connection: RuntimeConnection?
    private var wantsReading = true
    private(set) var isOver = false
    /// It has been written to a runtime that has closed the connection since.
    private var wasSent = false
    /// `start` has not returned: its caller does not know this exchange yet, and must not hear of its end.
    private var isStarting = true

    init(request: ExchangeRequest, receiver: any ExchangeReceiver, pool: RuntimePool) {
        self.request = request
        self.receiver = receiver
        self.pool = pool
    }

    func started() {
        isStarting = false
    }

    func cancel() {
        guard !isOver else { return }
        let connection = connection
        over()
        connection?.abandon()
    }

    func setReading(_ on: Bool) {
        guard on != wantsReading else { return }
        wantsReading = on
        connection?.setReading(on)
    }

    // MARK: From the connection

    func attached(to connection: RuntimeConnection) {
        self.connection = connection
        if !wantsReading { connection.setReading(false) }
    }

    /// The reused connection was closed by the runtime, most likely before it saw the request.
    ///
    /// - Parameter wasSent: The request had been written when that was known.
    func goAgain(wasSent: Bool) {
        connection = nil
        if wasSent { self.wasSent = true }
        pool.connect(for: self)
    }

    func answerBegan() {
        request = nil
    }

    func head(_ head: ExchangeHead) {
        receiver?.exchangeHead(head)
    }

    func body(_ bytes: ByteBuffer) {
        receiver?.exchangeBody(bytes)
    }

    func readComplete() {
        receiver?.exchangeReadComplete()
    }

    func end() {
        guard !isOver, let receiver = receiver.take() else { return }
        over()
        receiver.exchangeEnd()
    }

    func fail(_ cause: ExchangeFailure) {
        // A runtime that had it and cannot be reached a moment later was lost with it.
        let failure = wasSent && cause == .connectFailed ? .lostBeforeHead : cause
        // A connect or a write can fail on the spot: a unix socket that is gone, no file descriptor left.
        if isStarting { return pool.failLater(self, failure) }
        guard !isOver, let receiver = receiver.take() else { return }
        over()
        receiver.exchangeFailed(failure)
    }

    private func over() {
        isOver = true
        request = nil
        receiver = nil
        connection = nil
        pool.exchangeEnded()
    }
}
