import CLibpq

/// Why no connection came about. libpq says it in words that name users, hosts and databases; what is passed on is one of these fixed texts.
enum ConnectionFailure {
    /// The most telling first: with several hosts libpq reports on each of them.
    private static let signs: [(text: String, words: [String])] = [
        (
            "the server refused these credentials",
            ["password authentication failed", "authentication failed for user", "no password supplied", "no pg_hba.conf entry", "role \""]
        ),
        ("the database does not exist", ["database \""]),
        ("the server has no connection left", ["too many clients", "too many connections", "connection slots are reserved"]),
        ("the server is starting or stopping", ["the database system is"]),
        ("the server is read-only", ["session is read-only", "server is in hot standby mode"]),
        ("no secure connection could be made", ["SSL", "certificate"]),
        ("the server's name could not be resolved", ["could not translate host name"]),
        (
            "the connection was refused or timed out",
            [
                "Connection refused", "timeout expired", "timed out", "No such file or directory", "No route to host", "is unreachable",
                "reset by peer",
            ]
        ),
    ]

    static func error(of handle: OpaquePointer) -> PostgresError {
        if PQconnectionNeedsPassword(handle) == 1 { return PostgresError(.connectionFailed, signs[0].text) }
        let words = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        return PostgresError(.connectionFailed, text(for: words))
    }

    static func text(for words: String) -> String {
        signs.first { sign in sign.words.contains { words.contains($0) } }?.text ?? "no server that takes writes could be reached"
    }
}
