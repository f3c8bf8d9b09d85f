import FoundationEssentials
import Outbound
import Postgres

/// Looks whether pages that people gave as evidence are still there.
struct EvidenceLooks: Sendable {
    /// Of the reliability room.
    let reliability: PostgresPool
    /// People who may write evidence may not look through this machine into its networks: pages there are not asked for unless the settings say so.
    var reach = OutboundReach.publicAddresses
    let ask: OutsideProbes.Ask

    /// At each once an hour; one that was not found is looked for again at the next look.
    func look() async throws {
        var pages: [(line: String, url: String)] = []
        let rows = try await reliability.query(
            """
            SELECT line, evidence FROM (SELECT DISTINCT ON (line) line, evidence, holds FROM reliability.launch_attestation
                ORDER BY line, created_at DESC, id DESC) AS newest WHERE holds ORDER BY line
            """)
        for row in rows {
            if let url = Self.url(of: try row.value("evidence")) { pages.append((try row.value("line"), url)) }
        }
        try await reliability.execute("DELETE FROM reliability.evidence_look WHERE NOT line = ANY(\(pages.map(\.line)))")
        for page in pages where try await isDue(page.line, page.url) { try await look(at: page.url, for: page.line) }
    }

    private func isDue(_ line: String, _ url: String) async throws -> Bool {
        let row = try await reliability.queryOne(
            "SELECT status FROM reliability.evidence_look WHERE line = \(line) AND url = \(url) AND at > now() - interval '1 hour'")
        return try row.map { !Self.isFound(try $0.value("status")) } ?? true
    }

    private func look(at url: String, for line: String) async throws {
        let request = OutboundRequest(
            method: "GET", url: url, headers: [], deadlines: OutboundDeadlines(connect: .seconds(5), total: .seconds(10)), trust: .system,
            version: .http1, reach: reach, responseLimit: 4 << 20)
        // That there is no answer is what was to be found out.
        let status = (try? await ask(request))?.status ?? 0
        try await reliability.execute(
            """
            INSERT INTO reliability.evidence_look AS known (line, url, at, status, found_at)
            VALUES (\(line), \(url), now(), \(status), CASE WHEN \(Self.isFound(status)) THEN now() END)
            ON CONFLICT (line) DO UPDATE SET url = EXCLUDED.url, at = EXCLUDED.at, status = EXCLUDED.status,
                found_at = coalesce(EXCLUDED.found_at, CASE WHEN known.url = EXCLUDED.url THEN known.found_at END)
            """)
    }

    /// Where a page has moved to it is still there.
    static func isFound(_ status: Int) -> Bool { (200..<400).contains(status) }

    /// The page that evidence begins with; nil: it begins with none.
    static func url(of evidence: String) -> String? {
        guard evidence.hasPrefix("https://"), let word = evidence.split(whereSeparator: \.isWhitespace).first else { return nil }
        var url = word
        while let last = url.last, ",;.)".contains(last) { url.removeLast() }
        return url.utf8.count > "https://".utf8.count ? String(url) : nil
    }
}
