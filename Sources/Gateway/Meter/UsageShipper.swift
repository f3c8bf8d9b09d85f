import Domain
import Glibc
package import Logging
import NIOPosix
package import PlimsollWire
import ServiceLifecycle
import Synchronization

/// Brings ended requests from the spool to the control plane: at least once, in order within a loop, with one batch under way.
package struct UsageShipper: Service {
    /// Sends one batch; returns only when the control plane has committed it.
    package typealias Send = @Sendable (UsageBatch) async throws -> IntakeResponse

    private let spool: Spool
    private let send: Send
    private let logger: Logger
    private let pause: Duration
    private let backoff = Backoff(first: .milliseconds(200), cap: .seconds(30))
    /// For what the last requests left behind.
    private static let lastTry = Duration.seconds(5)

    /// - Parameter pause: Between two looks at the disk when there was nothing to ship.
    package init(spool: Spool, logger: Logger, pause: Duration = .milliseconds(500), send: @escaping Send) {
        self.spool = spool
        self.logger = logger
        self.pause = pause
        self.send = send
    }

    private var backlog: SpoolBacklog {
        SpoolBacklog(directory: spool.settings.directory, gateway: spool.settings.gateway, liveBoot: spool.boot)
    }

    private var cursorPath: String { "\(spool.settings.directory)/cursor" }

    /// Ships until it is asked to stop, and then once more all there is. So it must stand before what closes the spool in a group of services:
    /// services stop in reverse order.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await shipUntilCancelled() }
        guard !Task.isCancelled else { return }
        do {
            try await TimeLimit.run(Self.lastTry) { try await drain() }
        } catch {
            logger.warning("usage records left for the next start", metadata: ["error": "\(MeterError.describe(error))"])
        }
    }

    private func shipUntilCancelled() async {
        var failures = 0
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            var wait = pause
            do {
                if try await shipOnce() { wait = .zero }
                failures = 0
            } catch is CancellationError {
                return
            } catch {
                guard !Task.isCancelled else { return }
                if let asked = (error as? EnrolmentError)?.retryAfter {
                    wait = max(asked, pause)
                } else {
                    failures += 1
                    wait = backoff.delay(afterFailures: failures, using: &generator)
                }
                spool.statistics.shipFailures.wrappingAdd(1, ordering: .relaxed)
                logger.warning("usage records not shipped", metadata: ["error": "\(MeterError.describe(error))", "failures": "\(failures)"])
            }
            // Cancellation ends the pause and the loop.
            if wait > .zero { try? await Task.sleep(for: wait, tolerance: .milliseconds(50)) }
        }
    }

    /// Ships what is there until nothing is left. For the end of a gateway's life, after `Spool.close`.
    package func drain() async throws {
        while try await shipOnce() {}
    }

    /// One batch. False when there was nothing new.
    package func shipOnce() async throws -> Bool {
        let (backlog, path, retention) = (backlog, cursorPath, spool.settings.retention)
        let batch = try await BlockingCalls.run { try backlog.next(after: try SpoolCursor(path: path)) }
        guard batch.scanned > 0 || !batch.ended.isEmpty else {
            spool.statistics.noteAllShipped()
            return false
        }
        if !batch.records.isEmpty || !batch.ended.isEmpty {
            let answer = try await send(UsageBatch(records: batch.records, ended: batch.ended.isEmpty ? nil : batch.ended))
            report(answer, of: batch)
        }
        spool.statistics.damagedRegions.wrappingAdd(batch.damaged, ordering: .relaxed)
        if batch.damaged > 0 { logger.error("damaged usage records were passed over", metadata: ["count": "\(batch.damaged)"]) }
        try await BlockingCalls.run {
            var cursor = batch.cursor
            cursor.settle(batch.ended)
            _ = try backlog.removeAcknowledged(&cursor, olderThan: Int(time(nil)) - Int(retention.components.seconds))
            try cursor.save(path: path)
        }
        return true
    }

    private func report(_ answer: IntakeResponse, of batch: SpoolBacklog.Batch) {
        spool.statistics.shipped.wrappingAdd(batch.records.count, ordering: .relaxed)
        guard answer.quarantined > 0 else { return }
        logger.error("usage records set aside by the control plane", metadata: ["quarantined": "\(answer.quarantined)"])
    }
}

/// Disk calls of the shipper, away from the shared threads of tasks and from event loops.
enum BlockingCalls {
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }()

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await pool.runIfActive(body)
    }
}

extension MeterError {
    /// Text for a log: our own errors in words, others by type only, because they may quote data.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as MeterError: error.description
        case let error as EnrolmentError: error.description
        default: "\(type(of: error))"
        }
    }
}
