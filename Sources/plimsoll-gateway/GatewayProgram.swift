import CPlatform
import Cryptography
import Domain
import FoundationEssentials
import Gateway
import Glibc
import Link
import Logging
import NIOCore
import NIOPosix
import Outbound
import PlimsollWire
import Program
import ServiceLifecycle
import Telemetry

/// Builds the gateway and runs it until a signal ends it.
struct GatewayProgram {
    private let settings: EdgeSettings
    private let logger = Logger(label: "plimsoll-gateway")
    private let metrics = ProgramMetrics.registry()

    init(_ settings: EdgeSettings) {
        self.settings = settings
    }

    /// Without a control plane: the table is the file's.
    func serve(_ table: StandaloneTable) async throws {
        let group = try prepare()
        let readiness = Readiness(waitingFor: ["listener"])
        let spool = try makeSpool(gateway: StandaloneIdentity.gateway)
        SpoolMetrics.register(spool, isShipped: false, in: metrics)
        var edge = settings.gateway
        // As many requests as runtimes have slots, and those that are tried twice.
        edge.connections = fittingConnections(others: 2 * table.upstreams.map(\.slots).reduce(0, +))
        let limits = try makeLimits(isLeased: false)
        let server = GatewayServer(
            settings: edge, group: group, spool: spool, registry: nil, limits: limits, certificates: settings.certificates, metrics: metrics,
            drainLimit: settings.drainLimit,
            logger: logger, bound: { _ in readiness.clear("listener") })
        server.apply(table.contents(nowSeconds: Int64(Date().timeIntervalSince1970)))
        let book = DecisionBook()
        let decisions = DecisionShipper(server: server, logger: logger, interval: .seconds(1)) { book.store($0) }
        try await run(
            [Upkeep(loops: group), LimitUpkeep(book: limits), StandaloneUpkeep(spool: spool, logger: logger), decisions, server], readiness,
            document: { path in
                guard path.hasPrefix("/requests/") else { return nil }
                let id = String(path.dropFirst("/requests/".count))
                return book.json(id) ?? server.explained(id)
            })
    }

    /// Under a control plane: enrolled, with links to hosts, shipping what it meters.
    func serve(_ managed: ManagedSettings) async throws {
        let group = try prepare()
        let readiness = Readiness(waitingFor: ["listener", "table"])
        let client = ControlPlaneClient(url: managed.controlURL, http: OutboundClient())
        let identity = try await GatewayEnrolment(client: client, folder: settings.stateDirectory, logger: logger)
            .identity(token: managed.joinToken?.exposed, version: Version.current, advertise: managed.advertise)
        let credentials = try LinkCredentials(
            certificateChainPem: identity.credentials.certificateChainPem, privateKeyPem: identity.key.pem,
            authoritiesPem: identity.credentials.authoritiesPem)
        let keeper = GatewayIdentityKeeper(
            identity: identity, client: client, folder: settings.stateDirectory, advertise: managed.advertise, credentials: credentials,
            logger: logger)
        let links = GatewayLinks(
            group: group, host: managed.linkHost, port: managed.linkPort, credentials: credentials, trustDomain: identity.trustDomain,
            registry: LinkRegistry(metrics: LinkMetrics(metrics)), logger: logger)
        var edge = settings.gateway
        edge.region = identity.region
        edge.gatewayId = identity.id
        edge.connections = fittingConnections(others: 0)
        let spool = try makeSpool(gateway: identity.id)
        SpoolMetrics.register(spool, isShipped: true, in: metrics)
        let contact = ControlContact()
        let shelf = makeShelf()
        let captures = CaptureDesk(metrics: metrics, ask: keeper.askCaptures)
        let scores = ScoreDesk(metrics: metrics)
        let probes = ProbeDesk(region: identity.region, gateway: identity.id, metrics: metrics)
        let limits = try makeLimits(isLeased: true)
        let server = GatewayServer(
            settings: edge, group: group, spool: spool, registry: links.registry, limits: limits, contact: contact,
            certificates: settings.certificates, captures: captures, scores: scores, probes: probes, statusPage: shelf, metrics: metrics,
            drainLimit: settings.drainLimit,
            logger: logger, bound: { _ in readiness.clear("listener") })
        let leases = LeaseKeeper(
            book: limits, boot: spool.boot, logger: logger, metrics: metrics, granted: { server.leasesChanged() }, exchange: keeper.exchangeLeases)
        server.use(leases)
        let store = followTable(identity, server, links, client.solitude, readiness)
        TableMetrics.register(store, contact, in: metrics)
        // Services stop in reverse order: the server closes the spool, then the shippers send what is left of it.
        try await run(
            [
                keeper, TablePuller(store: store, contact: contact, logger: logger, fetch: fetch(keeper, readiness)),
                StatusPuller(shelf: shelf, logger: logger, fetch: keeper.fetchStatus), Upkeep(loops: group),
                LimitUpkeep(book: limits), leases, links,
                UsageShipper(spool: spool, logger: logger, send: keeper.sendUsage),
                MinuteShipper(spool: spool, logger: logger, send: keeper.sendMinutes),
                AbuseShipper(server: server, logger: logger, send: keeper.sendAbuse),
                CaptureShipper(desk: captures, logger: logger, send: keeper.sendCaptures),
                ScoreShipper(desk: scores, boot: spool.boot, logger: logger, send: keeper.sendScores),
                DecisionShipper(server: server, logger: logger, send: keeper.sendDecisions),
                FleetShipper(server: server, logger: logger, send: keeper.sendFleet),
                ProbeShipper(server: server, desk: probes, logger: logger, send: keeper.sendProbes), server,
            ], readiness,
            order: { [solitude = client.solitude] path in path == "/drill/abort" ? "{\"aborted\":\(solitude.abort())}" : nil })
    }

    /// A gateway that was revoked is cut by all hosts: customers must be sent elsewhere, though its keys and table may still be good.
    private func fetch(_ keeper: GatewayIdentityKeeper, _ readiness: Readiness) -> TablePuller.Fetch {
        let fetch = keeper.fetchTable
        return { since, wait in
            do {
                let answer = try await fetch(since, wait)
                readiness.clear("admission by the control plane")
                return answer
            } catch let error as EnrolmentError where error.code == .refused {
                readiness.block("admission by the control plane")
                throw error
            }
        }
    }

    private func followTable(
        _ identity: GatewayIdentity, _ server: GatewayServer, _ links: GatewayLinks, _ solitude: Solitude, _ readiness: Readiness
    ) -> TableStore {
        let store = TableStore(directory: settings.stateDirectory, key: identity.tableKey)
        for refusal in store.load() { logger.warning("kept routing table refused", metadata: ["error.reason": "\(refusal.message)"]) }
        store.subscribe { table in
            solitude.take(table.gateways, own: identity.id)
            links.apply(workers: table.workers, denied: table.denied)
            server.apply(table)
            readiness.clear("table")
        }
        return store
    }

    /// What the bound on open files leaves of the connections that were asked for.
    private func fittingConnections(others: Int) -> Int {
        let (wanted, limit) = (settings.gateway.connections, OpenFiles.raiseLimit())
        let fitting = OpenFiles.fitting(wanted, others: others, limit: limit)
        if fitting < wanted {
            logger.warning(
                "fewer connections than asked for: the bound on open files is too low",
                metadata: [LogKeys.count: "\(fitting)", LogKeys.limit: "\(limit)"])
        }
        return fitting
    }

    private func run(
        _ services: [any Service], _ readiness: Readiness, document: OperationsServer.Document? = nil, order: OperationsServer.Order? = nil
    ) async throws {
        let operations = OperationsServer(
            address: settings.operations, metrics: metrics, readiness: readiness, logger: logger, document: document, order: order)
        try await ProgramServices.run(
            [operations] + renewal() + services, readiness: readiness, drainLimit: settings.drainLimit + .seconds(10), logger: logger)
    }

    /// What looks after the customers' certificate; SIGHUP ends nothing where there is none.
    private func renewal() -> [any Service] {
        guard let certificates = settings.certificates else { return [HangupService {}] }
        let watch = CertificateWatch(certificates, metrics: metrics, logger: logger)
        return [watch, HangupService { watch.reload() }]
    }

    /// Bodies of hundreds of kilobytes are above the allocator's own threshold: each would be mapped, faulted in page by page and unmapped.
    private func prepare() throws -> any EventLoopGroup {
        _ = cplatform_tune_allocator(64 << 20, 256 << 20, 0)
        #if !DEBUG
        // NIO is built with checks that took 7 % of the instructions of a request.
        cplatform_skip_access_checks()
        #endif
        if settings.gateway.isBehindProxy, settings.gateway.trust.isEmpty {
            logger.warning(
                "customers' addresses are not known, behind a proxy that is not in trusted_proxies: nobody who guesses keys is locked out, rules on addresses let all pass, and keys that are bound to addresses are refused"
            )
        }
        try makeFolder(settings.stateDirectory)
        return MultiThreadedEventLoopGroup(numberOfThreads: settings.gateway.loops)
    }

    private func makeShelf() -> StatusShelf {
        let shelf = StatusShelf(directory: settings.stateDirectory)
        do {
            try shelf.load()
        } catch {
            logger.warning("kept status page cannot be read", metadata: [LogKeys.errorType: "\(type(of: error))"])
        }
        StatusMetrics.register(shelf, in: metrics)
        return shelf
    }

    private func makeSpool(gateway: String) throws(MeterError) -> Spool {
        var spool = SpoolSettings(directory: settings.stateDirectory + "/spool", gateway: gateway)
        spool.isStrict = settings.isStrictSpool
        spool.retention = settings.spoolRetention
        let opened = try Spool(spool)
        report(opened.recovery, folder: spool.directory)
        // What was read of earlier starts is not needed again.
        _ = cplatform_trim_allocator()
        return opened
    }

    private func makeLimits(isLeased: Bool) throws(MeterError) -> LimitBook {
        let file = try LimitFile(path: settings.stateDirectory + "/limits")
        return try LimitBook(
            file: file, isLeased: isLeased, wall: Int64(Date().timeIntervalSince1970 * 1_000_000),
            monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1000))
    }

    /// What earlier starts left behind; an answer whose record was damaged is billed to nobody, so a person must know.
    private func report(_ found: SpoolRecovery.Report, folder: String) {
        if found.interrupted > 0 {
            logger.info("requests of an earlier start were closed as interrupted", metadata: [LogKeys.count: "\(found.interrupted)"])
        }
        if found.damagedRegions > 0 {
            logger.error(
                "damaged usage records were set aside",
                metadata: [LogKeys.count: "\(found.damagedRegions)", LogKeys.path: "\(folder)/damaged"])
        }
    }

    private func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        ProgramExit.complain("cannot make \(path): \(String(cString: strerror(errno)))")
        throw ProgramExit.refused
    }
}

/// What a gateway without a control plane calls itself in its records.
private enum StandaloneIdentity {
    static let gateway = "00000000-0000-8000-a000-000000000000"
}
