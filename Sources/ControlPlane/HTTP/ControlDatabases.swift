package import Logging
package import Postgres
import ServiceLifecycle

/// The rooms of the database, each behind the role that may enter it.
package struct ControlDatabases: Service {
    package let serving: PostgresPool
    package let reliability: PostgresPool
    package let billing: PostgresPool
    package let audit: PostgresPool

    /// - Parameter configuration: Of the serving room; the others differ in their role and size.
    package init(_ configuration: PostgresConfiguration, logger: Logger) {
        serving = Self.pool(configuration, role: "plimsoll_serving", configuration.maximumConnections, logger)
        reliability = Self.pool(configuration, role: "plimsoll_reliability", 4, logger)
        audit = Self.pool(configuration, role: "plimsoll_audit", 2, logger)
        billing = Self.pool(configuration, role: "plimsoll_billing", 4, logger)
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                for pool in [serving, reliability, billing, audit] {
                    group.addTask { await pool.run() }
                }
            }
        }
    }

    package func close() async {
        for pool in [serving, reliability, billing, audit] {
            await pool.close()
        }
    }

    private static func pool(_ configuration: PostgresConfiguration, role: String, _ size: Int, _ logger: Logger) -> PostgresPool {
        var own = configuration
        own.role = role
        own.maximumConnections = size
        return PostgresPool(configuration: own, logger: logger)
    }
}
