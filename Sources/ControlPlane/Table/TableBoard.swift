import Cryptography
import FoundationEssentials
package import Logging
import PlimsollWire
package import Postgres
import ServiceLifecycle
import Synchronization

/// The newest routing table in memory: long-polls of gateways are answered from here and cost the database nothing.
package final class TableBoard: Service {
    /// A table as it goes out.
    package struct Answer: Sendable {
        package let version: Int64
        package let body: [UInt8]
    }

    private struct State {
        var table = PublishedTable()
        /// Answers of the present version by `since`, because many gateways ask the same at the same moment; nil stands for the whole table.
        var answers: [Int64?: Answer] = [:]
    }

    private let pool: PostgresPool
    private let logger: Logger
    private let state = Mutex(State())
    private let bells = Bells<Int>(limit: 10_000)
    private let news: Bells<ChangeChannel>

    package init(pool: PostgresPool, news: Bells<ChangeChannel>, logger: Logger) {
        self.pool = pool
        self.news = news
        self.logger = logger
    }

    package var version: Int64 { state.withLock { $0.table.version } }

    /// Follows the database until shutdown: woken by a notification, and every two seconds without one.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.refresh()
                } catch {
                    guard !Task.isCancelled else { return }
                    self.logger.warning("Routing table could not be read", metadata: ["error.code": "\(errorCode(error))"])
                    try? await Task.sleep(for: .milliseconds(500))
                }
                let seen = self.version
                await self.awaitNews(after: seen)
            }
        }
    }

    private func awaitNews(after seen: Int64) async {
        do {
            _ = try await news.wait(for: .tableVersion, atMost: .seconds(2)) { [pool] in
                let row = try await pool.queryOne("SELECT max(version) AS version FROM serving.routing_table_version")
                return try row?.value("version", as: Int64?.self) == seen ? nil : true
            }
        } catch {
            // The next refresh meets the same trouble and reports it.
            logger.debug("Routing table's version could not be read", metadata: ["error.code": "\(errorCode(error))"])
        }
    }

    package func refresh() async throws {
        var table = state.withLock { $0.table }
        let (before, digest) = (table.version, table.digestHex)
        try await table.refresh { try await self.pool.query($0) }
        guard table.version != before || table.digestHex != digest else { return }
        let fresh = table
        state.withLock { $0 = State(table: fresh) }
        if fresh.version < before { logger.error("Routing table went back to an older version", metadata: ["table.version": "\(fresh.version)"]) }
        bells.ring(0)
    }

    /// What is newer than `since`, waiting for it if need be; nil when nothing came in time.
    package func answer(since: Int64?, wait: Duration) async throws -> Answer? {
        try await bells.wait(for: 0, atMost: wait) { try self.present(since: since) }
    }

    private func present(since: Int64?) throws -> Answer? {
        let (table, known) = state.withLock { ($0.table, $0.answers[since]) }
        if let known { return known }
        guard table.version > 0, let signed = table.answer(since: since) else { return nil }
        let answer = Answer(version: table.version, body: try WireCoder.encode(signed))
        state.withLock { state in
            guard state.table.version == table.version, state.answers.count < 16 else { return }
            state.answers[since] = answer
        }
        return answer
    }
}
