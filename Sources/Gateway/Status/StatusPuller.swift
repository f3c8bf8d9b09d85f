package import Domain
package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Asks the control plane for newer status pages for as long as the gateway lives.
package struct StatusPuller: Service {
    package enum Answer: Sendable {
        /// Nothing newer came while it waited.
        case unchanged(ageSeconds: Int64)
        case page(StatusPublication, ageSeconds: Int64)
    }

    /// Asks for another version than this one, waiting up to so many seconds. Nil: for whatever there is, at once.
    package typealias Fetch = @Sendable (_ since: Int64?, _ waitSeconds: Int) async throws -> Answer

    private let shelf: StatusShelf
    private let logger: Logger
    private let waitSeconds: Int
    private let backoff: Backoff
    private let fetch: Fetch

    package init(
        shelf: StatusShelf, logger: Logger, waitSeconds: Int = 25,
        backoff: Backoff = Backoff(first: .milliseconds(500), cap: .seconds(15)), fetch: @escaping Fetch
    ) {
        self.shelf = shelf
        self.logger = logger
        self.waitSeconds = waitSeconds
        self.backoff = backoff
        self.fetch = fetch
    }

    package func run() async throws {
        await LongPoll(backoff: backoff).run(pull)
    }

    private func pull() async -> Bool {
        let answer: Answer
        do {
            answer = try await fetch(shelf.version, waitSeconds)
        } catch {
            guard !Task.isCancelled else { return false }
            logger.debug("status page not pulled", metadata: ["error": "\(MeterError.describe(error))"])
            return false
        }
        guard case .page(let publication, let age) = answer else { return true }
        do {
            let shelf = shelf
            try await BlockingCalls.run { try shelf.take(publication, ageSeconds: age) }
        } catch {
            logger.error("status page not kept on disk", metadata: ["error": "\(MeterError.describe(error))"])
        }
        return true
    }
}
