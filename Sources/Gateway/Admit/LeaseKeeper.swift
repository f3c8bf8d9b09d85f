import Domain
package import Logging
import NIOCore
package import PlimsollWire
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Holds leases on quotas of a day or month: asks the control plane ahead of need, tells it what was spent, and gives back what others look for.
/// Requests are admitted from what is held, in memory, and never wait for this unless nothing is held yet.
package final class LeaseKeeper: Service {
    package typealias Exchange = @Sendable (LeaseRequest) async throws -> LeaseAnswer

    private let book: LimitBook
    private let boot: String
    private let exchange: Exchange
    private let logger: Logger
    private let interval: Duration
    private let metrics: LimitMetrics?
    private let granted: @Sendable () -> Void
    private let reachable = Atomic<Bool>(true)
    private let answered = Atomic<Int64>(.min)
    private let rings: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    private static let mostReports = 500

    /// - Parameters:
    ///   - boot: Of this process.
    ///   - interval: Between two looks without a ring.
    ///   - granted: Told when requests that wait for a lease may look again; on any thread.
    package init(
        book: LimitBook, boot: String, logger: Logger, interval: Duration = .seconds(1), metrics: MetricRegistry? = nil,
        granted: @escaping @Sendable () -> Void = {},
        exchange: @escaping Exchange
    ) {
        self.book = book
        self.boot = boot
        self.exchange = exchange
        self.logger = logger
        self.interval = interval
        self.metrics = metrics.map { LimitMetrics($0) }
        self.granted = granted
        (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// False while the control plane does not answer: then there is nothing to wait for.
    var isReachable: Bool { reachable.load(ordering: .relaxed) }

    /// When the last exchange that was answered began, microseconds of the monotonic clock; the least integer: none was yet.
    var answeredAt: Int64 { answered.load(ordering: .relaxed) }

    /// Somebody needs a lease.
    func ring() { bell.yield() }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        // Cancellation ends the pause and the loop.
                        try? await Task.sleep(for: self.interval, tolerance: .milliseconds(20))
                        self.ring()
                    }
                }
                var plan = LeasePlan()
                await self.turn(&plan)
                for await _ in self.rings {
                    await self.turn(&plan)
                    // Who waits rings again at each look that brought too little: together they are looked after ten times as often as unasked.
                    try? await Task.sleep(for: self.interval / 10, tolerance: .milliseconds(20))
                }
                group.cancelAll()
            }
        }
        // What was spent until the end; the rest goes back. One try: the leases end by themselves.
        var last = LeasePlan(isLast: true)
        await turn(&last)
    }

    /// One look at all holders and what follows from it.
    func turn(_ plan: inout LeasePlan) async {
        let holders = book.holders
        let reports = plan.reports(holders, now: Self.now, isReachable: isReachable)
        var rates = plan.rates.reports(holders, now: Self.now)
        var rest = reports[...]
        repeat {
            let batch = Array(rest.prefix(Self.mostReports))
            rest = rest.dropFirst(batch.count)
            guard await send(batch, Array(rates.prefix(Self.mostReports)), &plan) else { break }
            rates = Array(rates.dropFirst(Self.mostReports))
        } while !rest.isEmpty || !rates.isEmpty
        if plan.rates.isUrgent { ring() }
        granted()
    }

    private func send(_ reports: [LeaseReport], _ rates: [RateReport], _ plan: inout LeasePlan) async -> Bool {
        let sentAt = Self.now
        defer { plan.rates.told(now: Self.now) }
        do {
            let answer = try await exchange(LeaseRequest(boot: boot, sequence: plan.nextSequence(), reports: reports, rates: rates))
            metrics?.exchanges.increment()
            answered.store(sentAt, ordering: .relaxed)
            let now = Self.now
            // The answer is half a round trip old.
            book.setTime(answer.now + (now - sentAt) / 2, monotonic: now)
            for grant in answer.grants { plan.take(grant, book, sentAt: sentAt, now: now) }
            plan.sought = Set(answer.sought)
            plan.rates.take(answer.rates ?? [], book, sentAt: sentAt, now: now)
            if !reachable.exchange(true, ordering: .relaxed) { logger.info("leases on quotas are exchanged again") }
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            metrics?.exchangeFailures.increment()
            if reachable.exchange(false, ordering: .relaxed) {
                logger.warning("leases on quotas not exchanged", metadata: ["error": "\(MeterError.describe(error))"])
            }
            return false
        }
    }

    private static var now: Int64 { NIODeadline.now().microseconds }
}
