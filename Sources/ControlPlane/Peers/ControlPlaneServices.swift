import FoundationEssentials
package import Logging
package import Postgres
package import ServiceLifecycle
package import Telemetry

/// Everything behind the control plane's two ports, in the order in which it starts.
package struct ControlPlaneServices: Sendable {
    package let databases: ControlDatabases
    package let authority: Authority
    package let board: TableBoard
    package let publisher: TablePublisher
    package let statusPage: StatusBoard
    package let peers: PeerAPI
    private let listener: ChangeListener
    private let writer: HeartbeatWriter
    private let upkeep: ControlUpkeep
    private let behaviour: BehaviourWatch
    private let keeper: ReliabilityKeeper
    private let recounts: RecountKeeper
    private let credits: CreditKeeper
    private let drills: DrillKeeper
    private let incidents: IncidentKeeper
    private let pager: Pager
    private let courier: CapacityCourier
    private let evidence: EvidenceKeeper
    private let scores: ProviderScores
    private let outside: OutsideProbes
    private let statusMaker: StatusMaker

    /// - Parameter renderStatus: Makes documents of the public snapshot; without it there are none.
    package init(
        configuration: PostgresConfiguration, authority: Authority, retention: Retention = Retention(), outsideProbes: OutsideProbes.Settings? = nil,
        metrics: MetricRegistry, logger: Logger, renderStatus: @escaping StatusBoard.Render = { _ in [] }
    ) {
        let holder = UUID()
        let news = Bells<ChangeChannel>()
        self.authority = authority
        databases = ControlDatabases(configuration, logger: logger)
        board = TableBoard(pool: databases.serving, news: news, logger: logger)
        statusPage = StatusBoard(pool: databases.reliability, news: news, logger: logger, render: renderStatus)
        statusMaker = StatusMaker(databases: databases, news: news, holder: holder, metrics: metrics, logger: logger)
        peers = PeerAPI(
            databases: databases, authority: authority, news: news, board: board, statusPage: statusPage, metrics: metrics, logger: logger)
        publisher = TablePublisher(pool: databases.serving, authority: authority, news: news, holder: holder, logger: logger)
        listener = ChangeListener(configuration: configuration, bells: news, logger: logger)
        writer = HeartbeatWriter(pool: databases.serving, book: peers.book, logger: logger)
        drills = DrillKeeper(databases: databases, holder: holder, metrics: metrics, logger: logger)
        scores = ProviderScores(databases: databases, holder: holder, metrics: metrics, logger: logger)
        outside = OutsideProbes(databases: databases, holder: holder, settings: outsideProbes, metrics: metrics, logger: logger)
        behaviour = BehaviourWatch(databases: databases, holder: holder, metrics: metrics, logger: logger)
        keeper = ReliabilityKeeper(databases: databases, holder: holder, metrics: metrics, logger: logger)
        recounts = RecountKeeper(databases: databases, holder: holder, metrics: metrics, logger: logger)
        incidents = IncidentKeeper(
            databases: databases, outsideRegions: Set(outsideProbes?.endpoints.keys.map { $0 } ?? []), holder: holder, metrics: metrics,
            logger: logger)
        credits = CreditKeeper(databases: databases, holder: holder, metrics: metrics, logger: logger)
        pager = Pager(databases: databases, holder: holder, metrics: metrics, logger: logger)
        courier = CapacityCourier(databases: databases, holder: holder, metrics: metrics, logger: logger)
        evidence = EvidenceKeeper(databases: databases, signer: authority.evidenceSigner, holder: holder, metrics: metrics, logger: logger)
        upkeep = ControlUpkeep(databases: databases, holder: holder, retention: retention, metrics: metrics, logger: logger)
    }

    /// Dependencies first. `others` are loops of the program's own, which end with those of this.
    package func services(with others: [any Service] = []) -> [any Service] {
        let loops: [any Service] = [
            listener, board, publisher, writer, upkeep, behaviour, keeper, recounts, credits, drills, incidents, pager, courier, evidence, scores,
            outside, statusPage, statusMaker,
        ]
        return [databases, BackgroundLoops(loops + others)]
    }
}
