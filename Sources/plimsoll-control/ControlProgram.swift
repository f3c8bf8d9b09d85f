import Console
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
        let metrics = ProgramMetrics.registry()
        let readiness = Readiness(waitingFor: ["database"])
        let plane = ControlPlaneServices(
            configuration: settings.database, authority: authority, retention: settings.retention,
            outsideProbes: settings.outsideProbes, metrics: metrics, logger: logger, renderStatus: { StatusPages($0).documents })
        metrics.collect { [board = plane.board] in
            let version = MetricSample(Double(board.version))
            return [MetricFamily("plimsoll_control_table_version", "Version of the newest routing table seen here.", .gauge, [version])]
        }
        let peers = try PeerServer(
            api: plane.peers, host: settings.peersHost, port: settings.peersPort, names: settings.advertised, logger: logger)
        let reason = ReadinessReason("database", of: readiness)
        let watch = DatabaseWatch(pool: plane.databases.serving, migrator: migrator, metrics: metrics, logger: logger) { reason.set($0) }
        let authorities = AuthorityWatch(folder: settings.authorities, authority: authority, metrics: metrics, logger: logger)
        if authority.evidenceKey == nil { logger.warning("Evidence is not signed: plimsoll-control init adds the key that signs it") }
        let admin = try adminServer(plane, metrics, readiness)
        let open: [any Service] = try publicServer(plane).map { [$0] } ?? []
        try await ProgramServices.run(
            plane.services(with: [authorities, watch]) + [admin, peers] + open, readiness: readiness, drainLimit: settings.drainLimit, logger: logger)
    }

    private func adminServer(
        _ plane: ControlPlaneServices, _ metrics: MetricRegistry, _ readiness: Readiness
    ) throws -> AdminServer {
        let api = AdminAPI(
            databases: plane.databases, tokens: EnrolmentTokens(pin: plane.authority.pin), signer: plane.authority.evidenceSigner, logger: logger,
            publicURL: settings.publicPages?.url, report: { TenantMonthPage($0, downloads: $1).html })
        let pages = evidencePages(plane)
        do {
            return try AdminServer(
                api: api, host: settings.adminHost, port: settings.adminPort, certificate: settings.adminCertificate, logger: logger,
                adding: { router in
                    Self.addOperations(to: router, metrics: metrics, readiness: readiness)
                    pages.addRoutes(to: router)
                    StatusRoutes.add(to: router, board: plane.statusPage)
                })
        } catch {
            ProgramExit.complain("admin.certificate_file and admin.key_file cannot be used: \(error)")
            throw ProgramExit.refused
        }
    }

    private func evidencePages(_ plane: ControlPlaneServices) -> EvidencePages {
        EvidencePages(reliability: plane.databases.reliability, signer: plane.authority.evidenceSigner, logger: logger)
    }

    /// Nil: only the admin port shows what is public.
    private func publicServer(_ plane: ControlPlaneServices) throws -> PublicServer? {
        guard let pages = settings.publicPages else { return nil }
        let (evidence, reports) = (
            evidencePages(plane),
            ReportPages(databases: plane.databases, signer: plane.authority.evidenceSigner, logger: logger) {
                TenantMonthPage($0, downloads: $1).html
            }
        )
        do {
            return try PublicServer(host: pages.host, port: pages.port, certificate: pages.certificate, logger: logger) { router in
                evidence.addRoutes(to: router)
                reports.addRoutes(to: router)
                StatusRoutes.add(to: router, board: plane.statusPage)
            }
        } catch {
            ProgramExit.complain("public.certificate_file and public.key_file cannot be used: \(error)")
            throw ProgramExit.refused
        }
    }

    /// Makes what is missing: authorities, and an owner's token when there is none that counts.
    func initialise(tokenFile: String?) async throws {
        try makeAuthorities()
        let made = try await makeToken(into: tokenFile) { connection in
            guard try await !AdminTokenResource.ownerExists(connection) else { return nil }
            return try await AdminTokenResource.createAudited(connection, name: "first", role: .owner, createdBy: "init")
        }
        if !made { print("There is an owner's token already; none was made. plimsoll-control token makes another.") }
    }

    /// For an installation whose owners have lost their tokens: whoever may read these settings owns it.
    func makeToken(name: String, role: AdminRole, tokenFile: String?) async throws {
        _ = try await makeToken(into: tokenFile) { connection in
            try await AdminTokenResource.createAudited(connection, name: name, role: role, createdBy: "command")
        }
    }

    func migrate() async throws {
        let done = try await migrator.migrate { name in print("\(name) …") }
        print(done.isEmpty ? "The schema is up to date." : "\(done.count) migrations done.")
    }

    private var migrator: Migrator {
        Migrator(configuration: settings.database, files: Migrations.all.map { MigrationFile(name: $0.name, sql: $0.sql) })
    }

    private func loadAuthority() throws -> Authority {
        let folder = settings.authorities
        do {
            return try folder.load()
        } catch let error as CryptographyError where error.code == .expired {
            ProgramExit.complain("An authority in \(folder.path) has expired. Run plimsoll-control renew-authority --root-key FILE.")
        } catch {
            let remedy = folder.isUnfinished ? "They are half made: plimsoll-control init finishes them." : "Run plimsoll-control init first."
            ProgramExit.complain("No authorities can be read from \(folder.path): \(error). \(remedy)")
        }
        throw ProgramExit.refused
    }

    private func makeAuthorities() throws {
        let folder = settings.authorities
        let advice = "Move \(folder.rootKey) to a safe place: serving does not need it."
        do {
            if folder.isUnfinished {
                print("The authorities in \(folder.path) are half made.")
                _ = try folder.finish()
                print("Finished the authorities in \(folder.path). \(advice)")
            } else if folder.isInUse {
                print("The authorities in \(folder.path) stay as they are.")
                if try folder.addEvidenceKey() { print("Added the key that signs evidence.") }
            } else {
                _ = try folder.create()
                print("Made the authorities in \(folder.path). \(advice)")
            }
        } catch {
            ProgramExit.complain("No authorities could be made: \(error)")
            throw ProgramExit.refused
        }
    }

    /// False when there was nothing to make. The file is written before the token counts: a token that nobody holds would lock everybody out.
    private func makeToken(
        into file: String?, _ make: (PostgresConnection) async throws -> String?
    ) async throws -> Bool {
        let pool = PostgresPool(configuration: settings.database, logger: logger)
        do {
            let secret = try await pool.transaction { connection in
                let secret = try await make(connection)
                if let secret, let file { try SecretFile.write(Array((secret + "\n").utf8), to: file) }
                return secret
            }
            await pool.close()
            guard let secret else { return false }
            print(file.map { "The admin token is in \($0)." } ?? "The admin token, shown once: \(secret)")
            return true
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
