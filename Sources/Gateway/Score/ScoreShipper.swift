package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Has sampled answers judged every few seconds, and tells the control plane the sums. What cannot be told waits, up to a bound.
package struct ScoreShipper: Service {
    package typealias Send = @Sendable (AnswerScoreBatch) async throws -> IntakeResponse

    /// For what requests that ended at the stop left behind.
    private static let lastTry = Duration.seconds(3)

    private let desk: ScoreDesk
    private let boot: String
    private let send: Send
    private let logger: Logger
    private let interval: Duration

    /// - Parameter boot: Which start of the gateway this is.
    package init(desk: ScoreDesk, boot: String, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.desk = desk
        self.boot = boot
        self.send = send
        self.logger = logger
        self.interval = interval
    }

    /// Ships until it is asked to stop, and then once more all there is: in a group of services it stands before what ends the requests.
    package func run() async throws {
        let last = await cancelWhenGracefulShutdown {
            var sender = ScoreSender(desk: desk, boot: boot, send: send)
            while !Task.isCancelled {
                do { try await sender.ship() } catch { note(error) }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(500))
            }
            return sender
        }
        guard !Task.isCancelled else { return }
        do {
            try await TimeLimit.run(Self.lastTry) {
                var sender = last
                try await sender.ship()
            }
        } catch {
            note(error)
        }
    }

    private func note(_ error: any Error) {
        guard !Task.isCancelled else { return }
        logger.debug("scores of fallback answers not told", metadata: ["error": "\(MeterError.describe(error))"])
    }
}

/// The state of telling scores: one at a time.
struct ScoreSender {
    private let desk: ScoreDesk
    private let boot: String
    private let send: ScoreShipper.Send
    private var sequence: Int64 = 0
    /// Told, and not acknowledged: it may have been taken, so it is told again as it is and never with more in it.
    private var untaken: AnswerScoreBatch?

    init(desk: ScoreDesk, boot: String, send: @escaping ScoreShipper.Send) {
        self.desk = desk
        self.boot = boot
        self.send = send
    }

    mutating func ship() async throws {
        await desk.judge()
        while true {
            if untaken == nil { untaken = next() }
            guard let batch = untaken else { return }
            _ = try await send(batch)
            untaken = nil
        }
    }

    private mutating func next() -> AnswerScoreBatch? {
        let scores = desk.take(AnswerScoreBatch.most)
        guard !scores.isEmpty else { return nil }
        sequence += 1
        return AnswerScoreBatch(boot: boot, sequence: sequence, scores: scores)
    }
}
