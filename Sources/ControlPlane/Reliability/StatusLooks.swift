import FoundationEssentials
import Outbound
import PlimsollWire
import Postgres

/// Looks at the status page where the public does, so that it is known to be there and up to date.
struct StatusLooks: Sendable {
    /// Between two looks.
    static let pause = Duration.seconds(60)

    /// Of the reliability room.
    let reliability: PostgresPool
    let settings: OutsideProbes.Settings
    let ask: OutsideProbes.Ask

    /// At every endpoint; the last look is kept.
    func look() async throws {
        try await reliability.execute("DELETE FROM reliability.status_look WHERE NOT region = ANY(\(settings.endpoints.keys.sorted()))")
        for (region, endpoint) in settings.endpoints.sorted(by: { $0.key < $1.key }) {
            let url = (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/api/v2/status.json"
            let (status, age) = await answer(url)
            try await reliability.execute(
                """
                INSERT INTO reliability.status_look (region, url, at, status, age_seconds) VALUES (\(region), \(url), now(), \(status), \(age))
                ON CONFLICT (region) DO UPDATE SET url = EXCLUDED.url, at = EXCLUDED.at, status = EXCLUDED.status, age_seconds = EXCLUDED.age_seconds
                """)
        }
    }

    /// Its status, 0 for none, and how old the page is by its own word.
    private func answer(_ url: String) async -> (status: Int, age: Int64?) {
        let request = OutboundRequest(
            method: "GET", url: url, headers: [], deadlines: OutboundDeadlines(connect: .seconds(5), total: .seconds(10)),
            trust: settings.authoritiesPem.map { .authorities(pem: $0) } ?? .system, version: .http1, responseLimit: 1 << 20)
        do {
            let head = try await ask(request).head
            let age = head[StatusHeader.age].flatMap { Int64($0) }
            return (head.status, age.map { max($0, 0) })
        } catch {
            // That there is no answer is what was to be found out.
            return (0, nil)
        }
    }
}
