import ControlPlane
import Cryptography
import FoundationEssentials
import Logging
import Postgres
import TestSupport
import Testing

/// A migrated database of its own, a server on a free port, and an owner's token.
struct AdminFixture: Sendable {
    let database: TestDatabase
    let client: JSONClient

    /// Runs the server for the time of `body`.
    ///
    /// - Parameter now: Which day it is.
    static func run(
        now: @escaping @Sendable () -> Date = { Date() }, _ body: @Sendable (AdminFixture) async throws -> Void
    ) async throws {
        try await TestTurns.databases.take { try await serve(now, body) }
    }

    private static func serve(_ now: @escaping @Sendable () -> Date, _ body: @Sendable (AdminFixture) async throws -> Void) async throws {
        let logger = Logger(label: "test")
        let database = try await PostgresCluster.shared().database(migrations: Schema.migrations)
        let databases = ControlDatabases(database.configuration(), logger: logger)
        let token = try await databases.serving.transaction { connection in
            try await AdminTokenResource.create(connection, name: "owner", role: .owner, expiresAt: nil, createdBy: "test").secret
        }
        let (ports, sink) = AsyncStream.makeStream(of: Int.self)
        let signer = try #require(EvidenceSigner(trustDomain: "test", key: SigningKey(rawBytes: Array(1...32))))
        let api = AdminAPI(
            databases: databases, tokens: EnrolmentTokens(pin: Hash.sha256("root")), signer: signer, logger: logger,
            publicURL: "https://trust.example.com", now: now)
        let pages = EvidencePages(reliability: databases.reliability, signer: signer, logger: logger)
        let server = try AdminServer(
            api: api, port: 0, logger: logger, adding: { pages.addRoutes(to: $0) }, onRunning: { sink.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let client = JSONClient(port: port, token: token)
            defer { client.shutdown() }
            try await body(AdminFixture(database: database, client: client))
            group.cancelAll()
        }
        await databases.close()
    }

    func post(_ path: String, _ body: String = "{}", headers: [String: String] = [:]) async throws -> JSONClient.Answer {
        try await client.send("POST", "/admin/v1/\(path)", body, headers: headers)
    }

    func patch(_ path: String, _ body: String) async throws -> JSONClient.Answer {
        try await client.send("PATCH", "/admin/v1/\(path)", body)
    }

    func get(_ path: String) async throws -> JSONClient.Answer {
        try await client.send("GET", "/admin/v1/\(path)")
    }

    func delete(_ path: String) async throws -> JSONClient.Answer {
        try await client.send("DELETE", "/admin/v1/\(path)")
    }

    /// A provider's pool, and a model with a release.
    static let tinyModel: [SQL] = [
        "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'Alpha', 'independent')",
        "INSERT INTO serving.pools (name, provider, region) VALUES ('llama', 'alpha', 'eu')",
        "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
        "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny')",
    ]

    static func tier(_ name: String = "pro") -> String {
        """
        {"name": "\(name)", "display_name": "Pro", "capacity_policy": "warm_regional", "priority": 50, "max_prompt_tokens": 8000,
        "max_output_tokens": 2000, "max_body_bytes": 1000000, "requests_per_minute": 600, "tokens_per_minute": 100000,
        "concurrent_requests": 20, "max_table_age_seconds": 3600, "ttft_objective_microseconds": 1500000}
        """
    }

    /// A tier, a tenant of it, and the tenant's id.
    func tenant(_ name: String = "acme") async throws -> String {
        _ = try await post("tiers", Self.tier())
        return try await post("tenants", "{\"name\": \"\(name)\", \"display_name\": \"Acme\", \"tier\": \"pro\"}").json["id"].string ?? ""
    }

    /// Somebody else, whose token no other token made.
    func stranger(_ name: String) async throws -> JSONClient {
        let secret = try await database.withPool { pool in
            try await pool.transaction { connection in
                try await AdminTokenResource.create(connection, name: name, role: .owner, expiresAt: nil, createdBy: "command").secret
            }
        }
        return client.acting(as: secret)
    }

    func row(_ sql: SQL) async throws -> PostgresRow? {
        try await database.withPool { pool in try await pool.queryOne(sql) }
    }
}
