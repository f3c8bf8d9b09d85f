import ControlPlane
import Cryptography
import FoundationEssentials
import Logging
import Postgres
import TestSupport
import Testing

/// A control plane's admin API on a database and a port of its own, and the built command line beside it.
struct AdminWorld: Sendable {
    struct Outcome {
        var exit: Int32
        var output: String
        var errors: String
    }

    let database: TestDatabase
    let url: String
    let token: String
    private let folder: TemporaryFolder

    /// Runs the server for the time of `body`.
    static func run(_ body: @Sendable (AdminWorld) async throws -> Void) async throws {
        let logger = Logger(label: "test")
        let database = try await PostgresCluster.shared().database(migrations: Schema.migrations)
        let databases = ControlDatabases(database.configuration(), logger: logger)
        let token = try await databases.serving.transaction { connection in
            try await AdminTokenResource.create(connection, name: "owner", role: .owner, expiresAt: nil, createdBy: "test").secret
        }
        let (ports, sink) = AsyncStream.makeStream(of: Int.self)
        let api = AdminAPI(
            databases: databases, tokens: EnrolmentTokens(pin: Hash.sha256("root")), logger: logger, publicURL: "https://trust.example.com")
        let signer = EvidenceSigner(trustDomain: "test", key: try SigningKey(rawBytes: Array(1...32)))
        let pages = EvidencePages(reliability: databases.reliability, signer: signer, logger: logger)
        let server = try AdminServer(
            api: api, port: 0, logger: logger, adding: { pages.addRoutes(to: $0) }, onRunning: { sink.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            try await body(AdminWorld(database: database, url: "http://127.0.0.1:\(port)", token: token, folder: try TemporaryFolder()))
            group.cancelAll()
        }
        await databases.close()
    }

    /// What `plimsoll WORDS` does.
    func plimsoll(_ words: String...) async throws -> Outcome {
        try await Self.plimsoll(words, ["PLIMSOLL_ADMIN_URL": url, "PLIMSOLL_ADMIN_TOKEN": token])
    }

    static func plimsoll(_ words: [String], _ environment: [String: String]) async throws -> Outcome {
        let errors = FileManager.default.temporaryDirectory.appending(path: "plimsoll-errors-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: errors) }
        let child = try ChildProcess(Checkout.program("plimsoll"), words, environment: environment, errors: errors.path())
        let exit = try await child.ended(within: .seconds(60))
        let said = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        return Outcome(exit: exit, output: child.lines.joined(separator: "\n"), errors: said)
    }

    /// `plimsoll WORDS` as it runs, and the file of what it says.
    func started(_ words: [String]) throws -> (child: ChildProcess, errors: String) {
        let errors = folder.file()
        let environment = ["PLIMSOLL_ADMIN_URL": url, "PLIMSOLL_ADMIN_TOKEN": token]
        return (try ChildProcess(Checkout.program("plimsoll"), words, environment: environment, errors: errors), errors)
    }

    /// A provider, a pool and in it a host of that name, which reported at `heartbeat` (SQL); its id.
    func host(_ name: String, heartbeat: SQL = "now()") async throws -> String {
        _ = try await plimsoll("providers", "create", "name=alpha", "display_name=Alpha", "kind=independent")
        _ = try await plimsoll("pools", "create", "name=alpha-eu", "provider=alpha", "region=eu")
        let row = try await row(
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            VALUES (gen_random_uuid(), \(name), 'alpha-eu', 'eu', 'b1', \(heartbeat)) RETURNING id::text AS id
            """)
        return try #require(try row?.value("id"))
    }

    /// A host with two workers of the model `tiny`.
    func workers() async throws {
        _ = try await host("h1")
        _ = try await row("INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)")
        _ = try await row("INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny')")
        _ = try await row(
            """
            INSERT INTO serving.workers (host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted, last_reported_at)
            SELECT id, runtime, 'tiny-1', 'vllm', 'ready', 4, 2048, true, now() FROM serving.hosts, unnest(ARRAY['one', 'two']) AS runtime
            """)
    }

    func row(_ sql: SQL) async throws -> PostgresRow? {
        try await database.withPool { pool in try await pool.queryOne(sql) }
    }
}
