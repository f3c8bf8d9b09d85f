import ControlPlane
import Logging
import Postgres
import Telemetry
import TestSupport
import Testing

@Suite struct DatabaseWatchTests {
    private let logger = Logger(label: "test")

    /// Runs a watch for the time of `body`, which gets what it tells.
    private func watch(_ pool: PostgresPool, _ body: (AsyncStream<String?>) async throws -> Void) async throws {
        let (words, sink) = AsyncStream.makeStream(of: String?.self)
        let migrator = Migrator(configuration: pool.configuration, files: [])
        let watch = DatabaseWatch(pool: pool, migrator: migrator, metrics: MetricRegistry(), logger: logger) { sink.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            try await body(words)
            group.cancelAll()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aFrozenServerIsToldInTimeAndHoldsTheProgramsEndUpForSecondsOnly() async throws {
        let cluster = try await PostgresCluster.start()
        let database = TestDatabase(connectionString: cluster.connectionString(database: "postgres"))
        try await database.withPool(database.configuration(maximumConnections: 2)) { pool in
            _ = try await Migrator(configuration: pool.configuration, files: []).migrate()
            var frozen: FrozenServer?
            defer { frozen?.thaw() }
            var ended = ContinuousClock.now
            try await watch(pool) { words in
                var told = words.makeAsyncIterator()
                #expect(await told.next() == .some(nil))
                frozen = try await FrozenServer(pool)
                let began = ContinuousClock.now
                #expect(await told.next() == "it does not answer")
                // Well below the 20 s that a statement may take; on an idle machine it is 2 s.
                #expect(ContinuousClock.now - began < .seconds(15))
                ended = .now
            }
            #expect(ContinuousClock.now - ended < .seconds(15))
        }
        try await cluster.stopServer()
    }

    @Test func whyItCannotBeReachedIsTold() async throws {
        var configuration = try await PostgresCluster.shared().database().configuration()
        configuration.connectionString = configuration.connectionString.replacing("dbname=", with: "dbname=no")
        let pool = PostgresPool(configuration: configuration, logger: logger)
        try await watch(pool) { words in
            #expect(await words.first { _ in true } == "the database does not exist")
        }
        await pool.close()
    }
}
