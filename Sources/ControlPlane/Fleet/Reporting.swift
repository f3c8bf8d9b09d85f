import Postgres

/// Whether an agent still speaks. Derived when it is asked for: a host that died can no longer say so itself.
enum Reporting {
    static let states = ["never", "yes", "silent"]

    /// True within ninety seconds of the last heartbeat, of which several must have been lost by then.
    static func isCurrent(_ heartbeat: SQL) -> SQL { "(\(heartbeat) > now() - interval '90 seconds')" }

    static func state(_ heartbeat: SQL) -> SQL {
        "(CASE WHEN \(heartbeat) IS NULL THEN 'never' WHEN \(isCurrent(heartbeat)) THEN 'yes' ELSE 'silent' END)"
    }
}
