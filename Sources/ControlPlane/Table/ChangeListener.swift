package import Logging
package import Postgres
import ServiceLifecycle

/// What the database tells about: see the triggers of the schema.
package enum ChangeChannel: Hashable, Sendable {
    /// Some row that has a place in the routing table.
    case table
    case tableVersion
    /// A new public snapshot.
    case status
    /// Something that a public snapshot tells.
    case statusNews
    /// Desired state of one host, by its id in lower case.
    case host(String)
}

/// Turns notifications of the database into rings. While the connection is away, those who wait look up on their own clock.
package struct ChangeListener: Service {
    private let listener: NotificationListener
    private let bells: Bells<ChangeChannel>

    package init(configuration: PostgresConfiguration, bells: Bells<ChangeChannel>, logger: Logger) {
        listener = NotificationListener(
            configuration: configuration,
            channels: ["plimsoll_table", "plimsoll_table_version", "plimsoll_host", "plimsoll_status", "plimsoll_status_news"],
            logger: logger)
        self.bells = bells
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.listener.run() }
                for await event in self.listener.events { self.pass(event) }
                group.cancelAll()
            }
        }
    }

    private func pass(_ event: NotificationEvent) {
        switch event {
        case .connected: bells.ringAll()
        case .notified("plimsoll_table", _): bells.ring(.table)
        case .notified("plimsoll_table_version", _): bells.ring(.tableVersion)
        case .notified("plimsoll_host", let id): bells.ring(.host(id))
        case .notified("plimsoll_status", _): bells.ring(.status)
        case .notified("plimsoll_status_news", _): bells.ring(.statusNews)
        case .notified: break
        }
    }
}

/// For logs: the database's own code where there is one, never its text.
func errorCode(_ error: any Error) -> String {
    (error as? PostgresError)?.code.rawValue ?? String(describing: type(of: error))
}
