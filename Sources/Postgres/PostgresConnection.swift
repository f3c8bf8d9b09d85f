import CLibpq

/// One session with a server. It lives on a thread of its own, so waiting for the server blocks nobody else; statements run one after another.
///
/// When the calling task is cancelled the statement is cancelled at the server and `cancelled` is thrown.
package actor PostgresConnection {
    private let thread: ConnectionThread
    nonisolated let wakeUp: WakeUp
    let configuration: PostgresConfiguration
    /// Nil before it is opened and after it broke or was closed.
    private(set) var session: Session?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init(configuration: PostgresConfiguration) throws(PostgresError) {
        thread = try ConnectionThread()
        wakeUp = try WakeUp()
        self.configuration = configuration
    }

    deinit {
        thread.stop()
    }

    /// Throws `connectionFailed` when no host of the connection string can be reached or takes writes.
    package static func connect(_ configuration: PostgresConfiguration) async throws(PostgresError) -> PostgresConnection {
        let connection = try PostgresConnection(configuration: configuration)
        try await connection.open()
        return connection
    }

    private func open() throws(PostgresError) {
        let session = try Session(configuration: configuration, wakeUp: wakeUp)
        // A server that froze after log-in must not hold the caller for as long as a statement may run.
        _ = try session.run(configuration.sessionSetup, within: configuration.connectTimeout)
        self.session = session
    }

    @discardableResult
    package func query(_ sql: SQL) async throws -> [PostgresRow] {
        try await cancellable { connection in try await connection.run(sql) }.rows
    }

    /// The first row, if there is one.
    @discardableResult
    package func queryOne(_ sql: SQL) async throws -> PostgresRow? {
        try await query(sql).first
    }

    /// Returns how many rows were changed.
    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int {
        try await cancellable { connection in try await connection.run(sql) }.affectedRows
    }

    /// Sends all statements before it reads the first answer; they succeed or fail together unless they stand in a transaction already.
    /// At most 10,000.
    package func pipeline(_ statements: [SQL]) async throws -> [[PostgresRow]] {
        guard statements.count <= 10_000 else { throw PostgresError(.invalidUse, "a pipeline has at most 10,000 statements") }
        return try await cancellable { connection in try await connection.runPipeline(statements) }.map(\.rows)
    }

    /// Loads rows by COPY and returns their number; all or none are stored.
    @discardableResult
    package func copyIn(table: [StaticString], columns: [StaticString], rows: [[any SQLBindable]]) async throws -> Int {
        let lines = CopyText.encode(rows)
        let path = table.map { SQL.quoted($0.description) }.joined(separator: ".")
        let names = columns.map { SQL.quoted($0.description) }.joined(separator: ", ")
        let count = columns.count
        guard rows.allSatisfy({ $0.count == count }) else { throw PostgresError(.invalidUse, "a row has another number of columns") }
        return try await cancellable { connection in try await connection.runCopy("COPY \(path) (\(names)) FROM STDIN", lines) }
    }

    /// Several statements of one migration file, without parameters.
    func executeScript(_ text: String) async throws {
        try await cancellable { connection in try await connection.runScript(text) }
    }

    package func close() {
        session = nil
    }

    /// False once the server has closed the connection or left a transaction open; costs no round trip.
    func isReusable() -> Bool {
        guard let session, session.isIdleAndOpen() else {
            self.session = nil
            return false
        }
        return true
    }

    /// Not cancellable: it is also what cleans up after a cancellation. A session that cannot do it is dropped.
    func rollBack() {
        guard let session else { return }
        do {
            _ = try session.run("ROLLBACK")
        } catch {
            self.session = nil
        }
    }

    /// Blocks this connection's own thread until notifications are there, the time is over or the task is cancelled.
    func notifications(within time: Duration) async throws -> [(channel: String, payload: String)] {
        try await cancellable { connection in try await connection.waitForNotifications(time) }
    }

    private nonisolated func cancellable<Answer: Sendable>(_ work: (PostgresConnection) async throws -> Answer) async throws -> Answer {
        guard !Task.isCancelled else { throw PostgresError(.cancelled, "the caller gave up") }
        return try await withTaskCancellationHandler {
            try await work(self)
        } onCancel: {
            wakeUp.signal()
        }
    }

    private func run(_ sql: SQL) throws -> PostgresResult {
        try using { session throws(PostgresError) in try session.run(sql) }
    }

    private func runPipeline(_ statements: [SQL]) throws -> [PostgresResult] {
        try using { session throws(PostgresError) in try session.pipeline(statements) }
    }

    private func runCopy(_ text: String, _ lines: [UInt8]) throws -> Int {
        try using { session throws(PostgresError) in try session.copy(text, lines) }
    }

    private func runScript(_ text: String) throws {
        try using { session throws(PostgresError) in try session.script(text) }
    }

    private func waitForNotifications(_ time: Duration) throws -> [(channel: String, payload: String)] {
        try using { session throws(PostgresError) in try session.notifications(within: time) }
    }

    private func using<Answer>(_ work: (Session) throws(PostgresError) -> Answer) throws(PostgresError) -> Answer {
        guard let session else { throw .lost }
        do {
            return try work(session)
        } catch {
            if error.breaksConnection || !session.isOpen { self.session = nil }
            throw error
        }
    }
}
