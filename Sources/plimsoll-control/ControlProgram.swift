import ControlPlane
import Cryptography
import FoundationEssentials
import Hummingbird
import Logging
import Migrations
import Postgres
import Program
import ServiceLifecycle
import Telemetry

/// Builds the control plane and runs it until a signal ends it.
struct ControlProgram {
    private let settings: ControlSettings
    private let logger = Logger(label: "plimsoll-control")

    init(_ settings: ControlSettings) {
        self.settings = settings
    }

    func serve() async throws {
        let authority = try loadAuthority()
        let metrics = MetricRegistry()
        let readiness = Readiness(waitingFor: ["database"])
        let plane = ControlPlaneServices(
            configuration: settings.database, billing: settings.billingDatabase, authority: authority, logger: logger)
        let api = AdminAPI(databases: plane.databases, tokens: EnrolmentTokens(pin: authority.pin), logger: logger)
        let admin = AdminServer(
            api: api, host: settings.adminHost, port: settings.adminPort, logger: logger,
            adding: { router in
                Self.addOperations(to: router, metrics: metrics, readiness: readiness)
            })
        let peers = try PeerServer(
            api: plane.peers, host: settings.peersHost, port: settings.peersPort, names: settings.advertised, logger: logger)
        let watch = DatabaseWatch(
            pool: plane.databases.serving, migrator: migrator, board: plane.board, readiness: readiness, metrics: metrics, logger: logger)
        try await ProgramServices.run(
            plane.services + [watch, admin, peers], readiness: readiness, drainLimit: settings.drainLimit, logger: logger)
    }

    /// Makes what is missing: authorities, and an owner's token when there is none.
    func initialise(tokenFile: String?) async throws {
        if settings.authorities.isInUse {
            print("The authorities in \(settings.authorities.path) stay as they are.")
        } else {
            _ = try settings.authorities.create()
            print(
                "Made the authorities in \(settings.authorities.path). Move \(settings.authorities.rootKey) to a safe place: serving does not need it."
            )
        }
        guard let secret = try await firstToken() else {
            print("There is an owner's token already; none was made.")
            return
        }
        guard let tokenFile else { return print("The first admin token, shown once: \(secret)") }
        try SecretFile.write(Array((secret + "\n").utf8), to: tokenFile)
        print("The first admin token is in \(tokenFile).")
    }

    func migrate() async throws {
        let done = try await migrator.migrate { name in print("\(name) …") }
        print(done.isEmpty ? "The schema is up to date." : "\(done.count) migrations done.")
    }

    private var migrator: Migrator {
        Migrator(configuration: settings.database, files: Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) })
    }

    private func loadAuthority() throws -> Authority {
        do {
            return try settings.authorities.load()
        } catch {
            ProgramExit.complain("No authorities can be read from \(settings.authorities.path): \(error). Run plimsoll-control init first.")
            throw ProgramExit.refused
        }
    }

    private func firstToken() async throws -> String? {
        let pool = PostgresPool(configuration: settings.database, logger: logger)
        do {
            let secret: String? = try await pool.transaction { connection in
                let owners = try await connection.query(
                    "SELECT 1 AS held FROM serving.admin_tokens WHERE role = 'owner' AND revoked_at IS NULL LIMIT 1")
                guard owners.isEmpty else { return nil }
                let made = try await AdminTokenResource.create(connection, name: "first", role: .owner, expiresAt: nil, createdBy: "init")
                try await PeerAudit.append(connection, actor: "init", action: "create", kind: "token", id: made.id.uuidString.lowercased())
                return made.secret
            }
            await pool.close()
            return secret
        } catch {
            await pool.close()
            ProgramExit.complain("No token could be made: \(error). Is the schema there (plimsoll-control migrate)?")
            throw ProgramExit.refused
        }
    }

    private static func addOperations(to router: Router<AdminContext>, metrics: MetricRegistry, readiness: Readiness) {
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.prometheusText())))
        }
        router.get("/healthz") { _, _ in "ok\n" }
        router.get("/readyz") { _, _ in
            let text = readiness.isReady ? "ready\n" : "not ready: \(readiness.reasons.joined(separator: ", "))\n"
            return Response(
                status: readiness.isReady ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }
}

/// Keeps readiness true to the database: it answers, and its schema is this program's.
private struct DatabaseWatch: Service {
    let pool: PostgresPool
    let migrator: Migrator
    let board: TableBoard
    let readiness: Readiness
    let metrics: MetricRegistry
    let logger: Logger

    func run() async throws {
        let up = metrics.gauge("plimsoll_control_database_up", "1 while PostgreSQL answers and has this program's schema.")
        let version = metrics.gauge("plimsoll_control_table_version", "Version of the newest routing table seen here.")
        await cancelWhenGracefulShutdown {
            var isUp = false
            while !Task.isCancelled {
                let answers = await self.answers(checkingSchema: !isUp)
                if answers, !isUp { self.readiness.clear("database") }
                if !answers { self.readiness.block("database") }
                isUp = answers
                up.set(answers ? 1 : 0)
                version.set(Double(self.board.version))
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func answers(checkingSchema: Bool) async -> Bool {
        do {
            if checkingSchema {
                let pending = try await migrator.pending()
                guard pending.isEmpty else {
                    logger.warning("Database schema is behind: run plimsoll-control migrate", metadata: [LogKeys.count: "\(pending.count)"])
                    return false
                }
            }
            return try await answersSoon()
        } catch {
            return false
        }
    }

    /// The pool waits longer for a connection than readiness may stay wrong.
    private func answersSoon() async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await !pool.query("SELECT 1").isEmpty }
            group.addTask {
                try await Task.sleep(for: .milliseconds(1_500))
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
