import FoundationEssentials
package import Logging
package import PlimsollWire
package import Postgres
import ServiceLifecycle
import Synchronization
import Telemetry

/// The newest status page, rendered: gateways and browsers are answered from here.
package final class StatusBoard: Service {
    /// Makes the documents of a snapshot; what they look like is not known here.
    package typealias Render = @Sendable (StatusSnapshot) -> [StatusDocument]

    package struct Page: Sendable {
        package let publication: StatusPublication
        package let body: [UInt8]
        let documents: [String: StatusDocument]
        /// When it was made, by this machine's monotonic clock.
        let made: ContinuousClock.Instant

        package var ageSeconds: Int64 { max(0, (ContinuousClock.now - made).components.seconds) }

        package func document(_ path: String) -> StatusDocument? { documents[path] }
    }

    private let pool: PostgresPool
    private let render: Render
    private let news: Bells<ChangeChannel>
    private let bells = Bells<Int>(limit: 10_000)
    private let page = Mutex<Page?>(nil)
    private let logger: Logger

    package init(pool: PostgresPool, news: Bells<ChangeChannel>, logger: Logger, render: @escaping Render) {
        self.pool = pool
        self.news = news
        self.logger = logger
        self.render = render
    }

    package var current: Page? { page.withLock { $0 } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.refresh()
                    let seen = self.current?.publication.version
                    _ = try await self.news.wait(for: .status, atMost: .seconds(10)) { [pool = self.pool] in
                        let row = try await pool.queryOne("SELECT max(version) AS version FROM reliability.status_snapshot")
                        return try row?.value("version", as: Int64?.self) == seen ? nil : true
                    }
                } catch {
                    guard !Task.isCancelled else { return }
                    self.logger.warning("Status page could not be read", metadata: [LogKeys.code: "\(errorCode(error))"])
                    // Cancellation is seen by the loop's condition.
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    package func refresh() async throws {
        let seen = current?.publication.version ?? 0
        let row = try await pool.queryOne(
            """
            SELECT snapshot, greatest(0, extract(epoch FROM clock_timestamp() - generated_at))::double precision AS age
            FROM reliability.status_snapshot WHERE version <> \(seen)
            """)
        guard let row else { return }
        let made = ContinuousClock.now - .seconds(try row.value("age", as: Double.self))
        let snapshot = try WireCoder.decode(StatusSnapshot.self, from: try row.value("snapshot", as: String.self).utf8)
        let documents = render(snapshot)
        let publication = StatusPublication(version: snapshot.version, generatedAt: snapshot.generatedAt, documents: documents)
        let fresh = Page(
            publication: publication, body: try WireCoder.encode(publication),
            documents: Dictionary(documents.map { ($0.path, $0) }) { first, _ in first }, made: made)
        page.withLock { $0 = fresh }
        bells.ring(0)
    }

    /// What is another version than `since`, waiting for it if need be; nil when nothing came in time.
    package func answer(since: Int64?, wait: Duration) async throws -> Page? {
        try await bells.wait(for: 0, atMost: wait) { [self] in
            guard let page = current, page.publication.version != since else { return nil }
            return page
        }
    }
}
