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
    /// Which day it is: days are told when they are whole.
    let now: Date

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
            SELECT evidence, actor, holds, created_at, created_at > now() - make_interval(days => \(Self.attestationDays)) AS counts
            FROM reliability.launch_attestation WHERE line = \(line) ORDER BY created_at DESC, id DESC LIMIT 1
            """)
        guard let row else { return .missing("\(missing); nobody has attested it (plimsoll readiness attest \(line) EVIDENCE)") }
        let (actor, evidence): (String, String) = (try row.value("actor"), try row.value("evidence"))
        let at: Date = try row.value("created_at")
        guard try row.value("holds") else { return .missing("taken back by \(actor): \(evidence)", at: at) }
        let page = try await page(line, evidence)
        let words = "attested by \(actor): \(evidence)" + (page.map { "; \($0.words)" } ?? "")
        if page?.isLost == true { return .missing(words, at: at) }
        return try row.value("counts") ? .proven(words, at: at) : .missing("older than \(Self.attestationDays) days: \(words)", at: at)
    }

    /// How the page that the evidence begins with was found lately; nil: it begins with none. Where nobody looks, the word counts alone.
    private func page(_ line: String, _ evidence: String) async throws -> (isLost: Bool, words: String)? {
        guard let url = EvidenceLooks.url(of: evidence) else { return nil }
        let row = try await databases.reliability.queryOne(
            """
            SELECT status, found_at, at > now() - interval '3 hours' AS is_fresh FROM reliability.evidence_look WHERE line = \(line) AND url = \(url)
            """)
        guard let row else { return (false, "nobody has looked whether the page is there") }
        let (status, isFresh): (Int, Bool) = (try row.value("status"), try row.value("is_fresh"))
        let seen = try row.value("found_at", as: Date?.self).map { "last seen at \($0.formatted(.iso8601))" } ?? "never seen there"
        guard isFresh else { return (false, "nobody looks for the page any more, \(seen)") }
        guard !EvidenceLooks.isFound(status) else { return (false, "the page was \(seen)") }
        return (true, "the page is not there (\(status == 0 ? "no answer" : "\(status)")), \(seen)")
    }
}
