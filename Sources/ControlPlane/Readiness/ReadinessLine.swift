import FoundationEssentials
import Postgres

/// What was found about a line: what proves it and since when, or why it is not proven.
struct ReadinessFinding: Sendable {
    var isProven: Bool
    /// What was looked at, in words and numbers.
    var text: String
    /// Of the evidence; nil: there is none.
    var evidenceAt: Date?

    static func proven(_ text: String, at moment: Date) -> ReadinessFinding {
        ReadinessFinding(isProven: true, text: text, evidenceAt: moment)
    }

    static func missing(_ text: String, at moment: Date? = nil) -> ReadinessFinding {
        ReadinessFinding(isProven: false, text: text, evidenceAt: moment)
    }
}

/// One line of the launch checklist.
struct ReadinessLine: Sendable {
    enum Area: String, Sendable {
        case technical, business
    }

    let id: String
    let area: Area
    let title: String
    let check: @Sendable (ReadinessSources) async throws -> ReadinessFinding

    init(_ id: String, _ area: Area, _ title: String, check: @escaping @Sendable (ReadinessSources) async throws -> ReadinessFinding) {
        self.id = id
        self.area = area
        self.title = title
        self.check = check
    }

    /// In the order in which they are shown: ten technical, ten business.
    static let all = TechnicalReadiness.lines + BusinessReadiness.lines
}

/// Where evidence is looked for.
struct ReadinessSources: Sendable {
    /// Days that a person's word counts.
    private static let attestationDays = 180

    let databases: ControlDatabases

    func serving(_ sql: SQL) async throws -> PostgresRow { try await one(databases.serving, sql) }

    func reliability(_ sql: SQL) async throws -> PostgresRow { try await one(databases.reliability, sql) }

    func billing(_ sql: SQL) async throws -> PostgresRow { try await one(databases.billing, sql) }

    private func one(_ pool: PostgresPool, _ sql: SQL) async throws -> PostgresRow {
        guard let row = try await pool.queryOne(sql) else { throw PostgresError(.decoding, "no row came back") }
        return row
    }

    /// For what only a person can see: somebody said so, with what they looked at, and not too long ago.
    func attested(_ line: String, missing: String) async throws -> ReadinessFinding {
        let row = try await databases.reliability.queryOne(
            """
            SELECT evidence, actor, created_at, created_at > now() - make_interval(days => \(Self.attestationDays)) AS counts
            FROM reliability.launch_attestation WHERE line = \(line) ORDER BY created_at DESC, id DESC LIMIT 1
            """)
        guard let row else { return .missing("\(missing); nobody has attested it (plimsoll readiness attest \(line) EVIDENCE)") }
        let words = "attested by \(try row.value("actor", as: String.self)): \(try row.value("evidence", as: String.self))"
        let at: Date = try row.value("created_at")
        return try row.value("counts") ? .proven(words, at: at) : .missing("older than \(Self.attestationDays) days: \(words)", at: at)
    }
}
