package import Postgres
import Glibc

/// A throw-away PostgreSQL server: unix socket only, nothing flushed to disk, gone when the test process ends, however it ends.
package final class PostgresCluster: Sendable {
    private let directory: String
    private let templates = TemplateDatabases()

    /// The one that all suites of the process share; started when the first asks for it.
    package static func shared() async throws -> PostgresCluster {
        try await SharedCluster.instance.get()
    }

    /// Starts a server of its own, for tests that stop or break it.
    package static func start() async throws -> PostgresCluster {
        let cluster = try PostgresCluster()
        try await cluster.initialise()
        try await cluster.startServer()
        return cluster
    }

    private init() throws {
        var template = Array("/tmp/plimsoll-pg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ToolRun.Failure(description: "no temporary directory could be made") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Directory of the server's socket, for connection strings of several hosts.
    package var socketDirectory: String { directory + "/sock" }

    package func connectionString(database: String) -> String {
        "host=\(socketDirectory) user=app dbname=\(database)"
    }

    /// At once, as a crash would; what was committed is there again after `startServer`.
    package func stopServer() async throws {
        try await ToolRun.run(asOwner(["\(Self.tools)/pg_ctl", "-D", "\(directory)/data", "-w", "-s", "-m", "immediate", "stop"]))
    }

    package func startServer() async throws {
        // Commits stay synchronous: written to the kernel, they outlive a killed server, which is what tests that kill it look at.
        let settings = [
            "listen_addresses=", "unix_socket_directories=\(socketDirectory)", "fsync=off", "full_page_writes=off",
            "shared_buffers=32MB", "max_connections=600", "jit=off", "autovacuum=off",
        ]
        let options = settings.map { "-c '\($0)'" }.joined(separator: " ")
        try await ToolRun.run(
            asOwner(["\(Self.tools)/pg_ctl", "-D", "\(directory)/data", "-w", "-s", "-l", "\(directory)/log", "-o", options, "start"]))
    }

    /// An empty database, or with migrations one that is a copy of a migrated template (which costs some ten milliseconds).
    package func database(migrations: [MigrationFile] = []) async throws -> TestDatabase {
        let name = "t" + TestDatabase.uniqueName()
        let template = try await templates.name(for: migrations, in: self)
        try await createDatabase(name, template: template)
        return TestDatabase(connectionString: connectionString(database: name))
    }

    func createDatabase(_ name: String, template: String) async throws {
        try await ToolRun.run(["\(Self.tools)/createdb", "-h", socketDirectory, "-U", "app", "-T", template, name])
    }

    private func initialise() async throws {
        try guardDirectory()
        try await ToolRun.run(["mkdir", "-p", socketDirectory])
        try await ToolRun.run(["chmod", "755", directory])
        if getuid() == 0 { try await ToolRun.run(["chown", "-R", "postgres:postgres", directory]) }
        try await ToolRun.run(
            asOwner([
                "\(Self.tools)/initdb", "-D", "\(directory)/data", "-U", "app", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8",
            ]))
    }

    /// A shell that waits on a pipe of which this process holds the other end: however the process dies, the pipe closes, and the shell
    /// stops the server and removes its files.
    private func guardDirectory() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ToolRun.Failure(description: "no pipe could be made") }
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        let stop = asOwner(["\(Self.tools)/pg_ctl", "-D", "\(directory)/data", "-w", "-s", "-m", "immediate", "stop"])
        let script = "cat; \(stop.joined(separator: " ")); rm -rf \(directory)"
        _ = try ToolRun.spawn(["setsid", "sh", "-c", script], input: ends[0])
        close(ends[0])
    }

    /// The server refuses to run as root.
    private func asOwner(_ arguments: [String]) -> [String] {
        getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] + arguments : arguments
    }

    private static let tools: String = {
        if let given = getenv("PGBIN") { return String(cString: given) }
        let newest = (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }.first { access("\($0)/initdb", X_OK) == 0 }
        return newest ?? "/usr/local/bin"
    }()
}

/// Starts the shared server once, however many tests ask at the same time.
private actor SharedCluster {
    static let instance = SharedCluster()
    private var starting: Task<PostgresCluster, any Error>?

    func get() async throws -> PostgresCluster {
        if let starting { return try await starting.value }
        // Waited for by everybody who asks.
        let task = Task { try await PostgresCluster.start() }
        starting = task
        return try await task.value
    }
}

/// Migrated databases to copy from, one for each list of migrations.
private actor TemplateDatabases {
    private var known: [String: Task<String, any Error>] = [:]

    func name(for migrations: [MigrationFile], in cluster: PostgresCluster) async throws -> String {
        guard !migrations.isEmpty else { return "template1" }
        let key = migrations.map(\.name).joined(separator: ",")
        if let making = known[key] { return try await making.value }
        let name = "template_\(known.count)"
        // Waited for by everybody who asks.
        let making = Task {
            try await cluster.createDatabase(name, template: "template1")
            let database = TestDatabase(connectionString: cluster.connectionString(database: name))
            _ = try await Migrator(configuration: database.configuration(), files: migrations).migrate()
            return name
        }
        known[key] = making
        return try await making.value
    }
}
