/// What went wrong at the database. Descriptions are fixed texts: neither SQL nor values ever stand in them.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No server of the connection string could be reached, or none of them takes writes.
        case connectionFailed = "connection_failed"
        /// The connection broke while it was used; whether the statement took effect is not known.
        case connectionLost = "connection_lost"
        /// No connection became free within the acquire deadline, or too many callers wait already.
        case poolExhausted = "pool_exhausted"
        case poolClosed = "pool_closed"
        /// A statement or lock deadline passed.
        case timeout
        case cancelled
        case serializationFailure = "serialization_failure"
        case deadlock
        case uniqueViolation = "unique_violation"
        case foreignKeyViolation = "foreign_key_violation"
        case checkViolation = "check_violation"
        case notNullViolation = "not_null_violation"
        case invalidData = "invalid_data"
        case permissionDenied = "permission_denied"
        /// The server is starting, stopping, out of a resource or read-only.
        case unavailable
        /// A column is missing, null or not of the type that was asked for.
        case decoding
        case migrationRefused = "migration_refused"
        case invalidUse = "invalid_use"
        case other
    }

    package let code: Code
    package let message: String
    /// Five characters as the server gave them; nil when the failure is on this side.
    package let sqlState: String?
    /// Name of the violated constraint, which is part of the schema and never of the data.
    package let constraint: String?
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, sqlState: String? = nil, constraint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
        self.cause = cause
    }

    package var description: String {
        let state = sqlState.map { " (\($0))" } ?? ""
        return "\(code.rawValue): \(message)\(state)"
    }

    /// True when the same transaction may succeed if it is run again from its start and nothing of it was committed.
    package var isRetryableConflict: Bool { code == .serializationFailure || code == .deadlock }

    /// True when the values are to blame: the same ones fail again, others may not.
    package var isAboutValues: Bool {
        switch code {
        case .checkViolation, .notNullViolation, .uniqueViolation, .foreignKeyViolation, .invalidData: true
        default: false
        }
    }

    /// True when the connection that threw it must not be used again.
    package var breaksConnection: Bool {
        switch code {
        case .connectionFailed, .connectionLost, .unavailable: true
        default: false
        }
    }
}

extension PostgresError {
    /// Codes that matter one by one; the rest is told by class, the first two characters.
    private static let byState: [String: (Code, String)] = [
        "40001": (.serializationFailure, "another transaction changed the same data"),
        "40P01": (.deadlock, "two transactions waited for each other"),
        "23505": (.uniqueViolation, "the same value exists already"),
        "23503": (.foreignKeyViolation, "a referenced row does not exist or is still referenced"),
        "23514": (.checkViolation, "a value is outside the range that the schema allows"),
        "23502": (.notNullViolation, "a required value is missing"),
        "55P03": (.timeout, "a lock was not granted in time"),
        "57014": (.timeout, "the statement ran too long"),
        "25P03": (.connectionLost, "the transaction was idle too long"),
        "42501": (.permissionDenied, "this role may not do that"),
        "25006": (.unavailable, "the server is read-only"),
    ]

    private static let byClass: [String: (Code, String)] = [
        "08": (.connectionLost, "the connection to the server broke"),
        "22": (.invalidData, "a value does not fit its type"),
        "23": (.checkViolation, "a constraint of the schema is violated"),
        "28": (.connectionFailed, "the server refused these credentials"),
        "53": (.unavailable, "the server lacks a resource"),
        "57": (.unavailable, "the server is stopping or starting"),
    ]

    static func server(sqlState: String, constraint: String?, wasCancelled: Bool) -> PostgresError {
        if wasCancelled, sqlState == "57014" {
            return PostgresError(.cancelled, "the caller gave up", sqlState: sqlState)
        }
        let fallback = byClass[String(sqlState.prefix(2))] ?? (.other, "the server refused the statement")
        let (code, message) = byState[sqlState] ?? fallback
        return PostgresError(code, message, sqlState: sqlState, constraint: constraint)
    }

    static let lost = PostgresError(.connectionLost, "the connection to the server broke")
}
