import Exchange
import NIOCore

/// An exchange that a drill holds back for a while. Lives on one loop.
final class DelayedExchange: RunningExchange {
    private var exchange: (any RunningExchange)?
    private var timer: Scheduled<Void>?
    private var isReading = true
    private var isCancelled = false

    /// - Parameter start: Begins the exchange; nil: there is no way to the worker.
    init(
        by delay: TimeAmount, on eventLoop: any EventLoop, receiver: any ExchangeReceiver, _ start: @escaping () -> (any RunningExchange)?
    ) {
        timer = eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard !self.isCancelled else { return }
            self.timer = nil
            guard let exchange = start() else { return receiver.exchangeFailed(.connectFailed) }
            self.exchange = exchange
            if !self.isReading { exchange.setReading(false) }
        }
    }

    func cancel() {
        isCancelled = true
        timer?.cancel()
        timer = nil
        exchange?.cancel()
        exchange = nil
    }

    func setReading(_ on: Bool) {
        isReading = on
        exchange?.setReading(on)
    }
}
