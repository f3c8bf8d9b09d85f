import Domain
import FoundationEssentials
import Outbound
import Postgres

/// Asks at the public endpoints for what they must refuse, so that it is known that they do: with a key that nobody has, and more often than a key may.
struct LimitLooks: Sendable {
    /// Between two looks: after that a gateway has forgotten that its address tried a key that nobody has.
    static let pause = Duration.seconds(1_800)
    /// At once, with a key that may send one in a minute.
    private static let tries = 3

    /// Of the serving room.
    let serving: PostgresPool
    /// Of the reliability room.
    let reliability: PostgresPool
    let settings: OutsideProbes.Settings
    let ask: OutsideProbes.Ask

    /// At every endpoint; the last look is kept.
    func look() async throws {
        try await reliability.execute("DELETE FROM reliability.limit_look WHERE NOT region = ANY(\(settings.endpoints.keys.sorted()))")
        let row = try await serving.queryOne(
            "SELECT name, kind FROM serving.models WHERE state = 'active' ORDER BY kind = 'embedding', name LIMIT 1")
        guard let row else { return }
        for (region, url) in settings.endpoints.sorted(by: { $0.key < $1.key }) {
            let subject = OutsideProbe(
                model: try row.value("name"), region: region, url: url, isEmbedding: try row.value("kind", as: String.self) == "embedding")
            let unknown = await statuses(subject, key: Self.unknownKey(), times: 1).first ?? 0
            let limited = OutsideProbes.key(settings.keyFile, line: 1)
            let answers = if let limited { await statuses(subject, key: limited, times: Self.tries) } else { [Int]() }
            try await reliability.execute(
                """
                INSERT INTO reliability.limit_look (region, url, at, unknown_status, asked, refused)
                VALUES (\(region), \(url), now(), \(unknown), \(answers.count), \(answers.count { $0 == 429 }))
                ON CONFLICT (region) DO UPDATE SET url = EXCLUDED.url, at = EXCLUDED.at, unknown_status = EXCLUDED.unknown_status,
                    asked = EXCLUDED.asked, refused = EXCLUDED.refused
                """)
        }
    }

    /// Well made, so that it is looked up and not only seen to be mistyped.
    private static func unknownKey() -> String {
        var generator = SystemRandomNumberGenerator()
        return KeyFormat.live.make(using: &generator)
    }

    /// Of so many requests at once; 0 where none came, and where there was no room for any customer.
    private func statuses(_ subject: OutsideProbe, key: String, times: Int) async -> [Int] {
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<times {
                group.addTask {
                    // That there is no answer is what was to be found out.
                    guard let answer = try? await ask(subject.request(key: key, authoritiesPem: settings.authoritiesPem)) else { return 0 }
                    return subject.judge(answer).trouble == .answer(.gateway) ? 0 : answer.status
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
