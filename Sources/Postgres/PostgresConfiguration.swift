/// How to reach a database and how long anything there may take.
package struct PostgresConfiguration: Sendable {
    /// A libpq connection string or URI; several hosts are tried in order, and only one that takes writes is used.
    package var connectionString: String
    /// As the server's activity view shows it.
    package var applicationName: String
    /// Role to act as after log-in; nil: the one that logged in.
    package var role: String?
    /// For each host of the connection string; whole seconds, at least two.
    package var connectTimeout: Duration
    /// Longest run of one statement; zero: no limit by the server, one hour by this side.
    package var statementTimeout: Duration
    package var lockTimeout: Duration
    /// A transaction in which nothing happens for so long is ended by the server.
    package var idleInTransactionTimeout: Duration
    package var maximumConnections: Int
    /// Connections above one that nobody used for so long are closed.
    package var idleTimeout: Duration
    /// Longest wait for a free connection, reconnecting included.
    package var acquireTimeout: Duration
    /// Callers that may wait at once; further ones are refused.
    package var maximumWaiters: Int

    package init(
        connectionString: String, applicationName: String, role: String? = nil, connectTimeout: Duration = .seconds(3),
        statementTimeout: Duration = .seconds(15), lockTimeout: Duration = .seconds(5), idleInTransactionTimeout: Duration = .seconds(30),
        maximumConnections: Int = 8, idleTimeout: Duration = .seconds(60), acquireTimeout: Duration = .seconds(5), maximumWaiters: Int = 1_024
    ) {
        self.connectionString = connectionString
        self.applicationName = applicationName
        self.role = role
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.idleInTransactionTimeout = idleInTransactionTimeout
        self.maximumConnections = maximumConnections
        self.idleTimeout = idleTimeout
        self.acquireTimeout = acquireTimeout
        self.maximumWaiters = maximumWaiters
    }

    /// Parameters for libpq, later ones winning over the connection string. A dead network is noticed within half a minute.
    var connectionParameters: [(keyword: String, value: String)] {
        [
            ("dbname", connectionString),
            ("application_name", applicationName),
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
            ("target_session_attrs", "read-write"),
            ("client_encoding", "UTF8"),
            ("keepalives", "1"),
            ("keepalives_idle", "10"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"),
        ]
    }

    /// Sets what every session needs; a statement and not start-up options, so that options of the connection string stay.
    var sessionSetup: SQL {
        let role = role ?? "none"
        return """
            SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false),
                set_config('statement_timeout', \(statementTimeout.milliseconds), false),
                set_config('lock_timeout', \(lockTimeout.milliseconds), false),
                set_config('idle_in_transaction_session_timeout', \(idleInTransactionTimeout.milliseconds), false),
                set_config('role', \(role), false)
            """
    }
}

extension PostgresConfiguration: CustomStringConvertible {
    /// Without the connection string, which may hold a password.
    package var description: String { "PostgresConfiguration(\(applicationName))" }
}

extension Duration {
    /// Whole milliseconds as the server's settings spell them.
    var milliseconds: String { String(components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000) }
}
