import FoundationEssentials
package import Logging
package import Postgres
package import ServiceLifecycle

/// Everything behind the control plane's two ports, in the order in which it starts.
package struct ControlPlaneServices: Sendable {
    package let databases: ControlDatabases
    package let authority: Authority
    package let board: TableBoard
    package let publisher: TablePublisher
    package let peers: PeerAPI
    private let listener: ChangeListener
    private let writer: HeartbeatWriter
    private let upkeep: ControlUpkeep

    package init(configuration: PostgresConfiguration, billing: String? = nil, authority: Authority, logger: Logger) {
        let holder = UUID()
        let news = Bells<ChangeChannel>()
        self.authority = authority
        databases = ControlDatabases(configuration, billing: billing, logger: logger)
        board = TableBoard(pool: databases.serving, news: news, logger: logger)
        peers = PeerAPI(databases: databases, authority: authority, news: news, board: board, logger: logger)
        publisher = TablePublisher(pool: databases.serving, authority: authority, news: news, holder: holder, logger: logger)
        listener = ChangeListener(configuration: configuration, bells: news, logger: logger)
        writer = HeartbeatWriter(pool: databases.serving, book: peers.book, logger: logger)
        upkeep = ControlUpkeep(pool: databases.serving, holder: holder, logger: logger)
    }

    /// Dependencies first.
    package var services: [any Service] { [databases, listener, board, publisher, writer, upkeep] }
}
