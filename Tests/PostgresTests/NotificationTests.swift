import Logging
import Postgres
import TestSupport
import Testing

@Suite struct NotificationTests {
    @Test func `a notification arrives, and an interruption is told`() async throws {
        let database = try await PostgresCluster.shared().database()
        let listener = NotificationListener(configuration: database.configuration(), channels: ["news"], logger: Logger(label: "test"))
        try await database.withPool { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.run() }
                var events = listener.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
                try await pool.execute("SELECT pg_notify('news', 'first')")
                #expect(await events.next() == .notified(channel: "news", payload: "first"))
                let sql: SQL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                try await pool.execute(sql)
                #expect(await events.next() == .connected)
                try await pool.execute("SELECT pg_notify('news', 'second')")
                #expect(await events.next() == .notified(channel: "news", payload: "second"))
                group.cancelAll()
                try await group.waitForAll()
                #expect(await events.next() == nil)
            }
        }
    }
}
