import Cryptography
import Domain
import FoundationEssentials
import Logging
import Migrations
import PlimsollWire
import Postgres
import TestSupport

@testable import ControlPlane

/// A migrated database of one test with an authority over it and a pool `llama` in region `eu` that serves the release `tiny-1`.
struct PeerWorld: Sendable {
    static let authority: Result<Authority, any Error> = Result {
        let root = try CertificateAuthority.makeRoot()
        return try Authority(roots: [root.certificate], intermediate: root.makeIntermediate(), tableKey: SigningKey())
    }

    let pool: PostgresPool
    let authority: Authority
    let logger = Logger(label: "test")

    static func with(_ body: (PeerWorld) async throws -> Void) async throws {
        try await TestTurns.databases.take {
            let files = Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) }
            let database = try await PostgresCluster.shared().database(migrations: files)
            try await database.withPool(database.configuration(maximumConnections: 8)) { pool in
                let world = PeerWorld(pool: pool, authority: try authority.get())
                try await world.prepare()
                try await body(world)
            }
        }
    }

    private func prepare() async throws {
        _ = try await pool.pipeline([
            "INSERT INTO serving.providers (name, display_name, kind) VALUES ('alpha', 'Alpha', 'independent')",
            "INSERT INTO serving.pools (name, provider, region) VALUES ('llama', 'alpha', 'eu')",
            "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('tiny', 'Tiny', 2048)",
            "INSERT INTO serving.releases (name, model) VALUES ('tiny-1', 'tiny')",
            """
            INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes,
                requests_per_minute, tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds)
            VALUES ('pro', 'Pro', 'shared', 50, 1000, 1000, 100000, 100, 100000, 10, 3600, 1500000)
            """,
        ])
    }

    func token(_ role: EnrolmentTokens.Role = .agent) async throws -> String {
        try await pool.transaction { connection in
            try await EnrolmentTokens(pin: authority.pin).create(
                connection, role: role, region: "eu", pool: role == .agent ? "llama" : nil, createdBy: "test"
            ).text
        }
    }

    func request(_ token: String, advertise: String? = nil) throws -> EnrolmentRequest {
        EnrolmentRequest(
            token: token, certificateRequestPem: try CertificateRequest(key: PrivateKey()).pem, hostname: "host-1", version: "1", bootId: "boot",
            advertise: advertise)
    }

    var enrolment: Enrolment { Enrolment(pool: pool, authority: authority, logger: logger) }

    func enrol(_ role: EnrolmentTokens.Role = .agent) async throws -> Member {
        let answer = try await enrolment.enrol(request(token(role), advertise: role == .gateway ? "127.0.0.1:7802" : nil), role: role)
        return try Member(answer.credentials)
    }

    func publisher() -> TablePublisher {
        TablePublisher(pool: pool, authority: authority, news: Bells(), holder: UUID(), logger: logger)
    }

    func reason(_ work: () async throws -> Void) async throws -> PeerRefusal.Reason? {
        do {
            try await work()
            return nil
        } catch let refusal as PeerRefusal {
            return refusal.reason
        }
    }

    func count(_ sql: SQL) async throws -> Int {
        try await pool.queryOne("SELECT count(*) AS n FROM (\(sql)) AS found")?.value("n") ?? -1
    }
}

/// A host or gateway that has joined.
struct Member: Sendable {
    var credentials: Credentials
    var certificate: Certificate
    var identity: PeerIdentity

    init(_ credentials: Credentials) throws {
        self.credentials = credentials
        certificate = try Certificate(pem: credentials.certificateChainPem)
        guard let identity = certificate.identity else { throw CryptographyError(.noIdentity, "none") }
        self.identity = identity
    }

    var peer: Peer { Peer(identity: identity, certificate: certificate.fingerprint) }
}
