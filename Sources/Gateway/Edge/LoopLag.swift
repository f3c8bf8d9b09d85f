import Telemetry
import NIOCore

/// Measures how late a loop runs what is due: what one thing that takes long does to everybody else on it.
final class LoopLag {
    private static let period = TimeAmount.milliseconds(50)
    private static let stall = TimeAmount.milliseconds(100)

    private let metrics: EdgeMetrics
    private var due: NIODeadline
    private var task: RepeatedTask?

    /// On the loop.
    init(on eventLoop: any EventLoop, metrics: EdgeMetrics) {
        self.metrics = metrics
        due = .now() + LoopLag.period
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        task = eventLoop.scheduleRepeatedTask(initialDelay: LoopLag.period, delay: LoopLag.period) { _ in bound.value.look() }
    }

    func stop() {
        task?.cancel()
        task = nil
    }

    private func look() {
        let now = NIODeadline.now()
        let late = now - due
        metrics.loopLag.observe(Double(max(0, late.nanoseconds)) / 1_000_000_000)
        if late >= LoopLag.stall { metrics.loopStalls.increment() }
        due = now + LoopLag.period
    }
}
