import Domain
import FoundationEssentials
import Outbound
import Postgres

/// Asks at the public endpoints for what they must refuse, so that it is known that they do: with a key that nobody has, and more often than a key may.
///
/// What was not refused is asked for again at the next look, and everything after half an hour. So an installation that has just begun, or is mended, is soon
/// known to be well, and no gateway takes the control plane for somebody who tries keys.
struct LimitLooks {
    /// Between two looks.
    static let pause = Duration.seconds(45)
    /// At once, with a key that may send one in a minute.
    private static let tries = 3

    /// Of the serving room.
    let serving: PostgresPool
    /// Of the reliability room.
    let reliability: PostgresPool
    let settings: OutsideProbes.Settings
    let ask: OutsideProbes.Ask
    /// By region: keys of the file that were answered as one that nobody has. Until there is another one, to ask with it is to try keys.
    private var refusedKeys: [String: String] = [:]

    init(serving: PostgresPool, reliability: PostgresPool, settings: OutsideProbes.Settings, ask: @escaping OutsideProbes.Ask) {
        self.serving = serving
        self.reliability = reliability
        self.settings = settings
        self.ask = ask
    }

    /// At every endpoint of which something is to be known; the last answers are kept.
    mutating func look() async throws {
        try await reliability.execute("DELETE FROM reliability.limit_look WHERE NOT region = ANY(\(settings.endpoints.keys.sorted()))")
        let row = try await serving.queryOne(
            "SELECT name, kind FROM serving.models WHERE state = 'active' ORDER BY kind = 'embedding', name LIMIT 1")
        guard let row else { return }
        for (region, url) in settings.endpoints.sorted(by: { $0.key < $1.key }) {
            let subject = OutsideProbe(
                model: try row.value("name"), region: region, url: url, isEmbedding: try row.value("kind", as: String.self) == "embedding")
            try await look(at: subject)
        }
    }

    private mutating func look(at subject: OutsideProbe) async throws {
        let open = try await open(subject)
        let unknown = open.unknown ? await statuses(subject, key: Self.unknownKey(), times: 1).first : nil
        let isWhole = open.unknown && open.limited
        let limited = open.limited ? await limitedStatuses(subject, isWhole: isWhole) : nil
        guard unknown != nil || limited != nil else { return }
        let (asked, refused) = (limited?.count, limited?.count { $0 == 429 })
        // What is found is as old as the last time that all of it was asked for.
        try await reliability.execute(
            """
            INSERT INTO reliability.limit_look AS known (region, url, at, unknown_status, asked, refused)
            VALUES (\(subject.region), \(subject.url), now(), coalesce(\(unknown)::integer, 0), coalesce(\(asked)::integer, 0), coalesce(\(refused)::integer, 0))
            ON CONFLICT (region) DO UPDATE SET url = EXCLUDED.url, at = CASE WHEN \(isWhole) THEN EXCLUDED.at ELSE known.at END,
                unknown_status = coalesce(\(unknown)::integer, known.unknown_status), asked = coalesce(\(asked)::integer, known.asked),
                refused = coalesce(\(refused)::integer, known.refused)
            """)
    }

    /// What an endpoint is not known to refuse: a key that nobody has, and what is beyond a limit.
    private func open(_ subject: OutsideProbe) async throws -> (unknown: Bool, limited: Bool) {
        // Half an hour: by then a gateway has forgotten that its address tried a key that nobody has.
        let row = try await reliability.queryOne(
            """
            SELECT unknown_status <> 401 AS unknown, refused = 0 AS limited FROM reliability.limit_look
            WHERE region = \(subject.region) AND url = \(subject.url) AND at > now() - interval '30 minutes'
            """)
        return try row.map { (try $0.value("unknown"), try $0.value("limited")) } ?? (true, true)
    }

    /// Nil: there is no other key since one was refused.
    private mutating func limitedStatuses(_ subject: OutsideProbe, isWhole: Bool) async -> [Int]? {
        guard let key = OutsideProbes.key(settings.keyFile, line: 1) else { return [] }
        guard isWhole || key != refusedKeys[subject.region] else { return nil }
        let answers = await statuses(subject, key: key, times: Self.tries)
        refusedKeys[subject.region] = answers.contains(401) ? key : nil
        return answers
    }

    /// Well made, so that it is looked up and not only seen to be mistyped.
    private static func unknownKey() -> String {
        var generator = SystemRandomNumberGenerator()
        return KeyFormat.live.make(using: &generator)
    }

    /// Of so many requests at once; 0 where none came, and where there was no room for any customer.
    private func statuses(_ subject: OutsideProbe, key: String, times: Int) async -> [Int] {
        let (ask, authorities) = (ask, settings.authoritiesPem)
        return await withTaskGroup(of: Int.self) { group in
            for _ in 0..<times {
                group.addTask {
                    // That there is no answer is what was to be found out.
                    guard let answer = try? await ask(subject.request(key: key, authoritiesPem: authorities)) else { return 0 }
                    return subject.judge(answer).trouble == .answer(.gateway) ? 0 : answer.status
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
