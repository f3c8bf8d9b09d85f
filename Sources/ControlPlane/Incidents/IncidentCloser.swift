import Domain
import FoundationEssentials
import Postgres

/// Since when somebody has looked at all that is told, without a break: what nobody looked at was not seen to be clean.
struct Watch: Sendable {
    /// Seconds between two looks above which nobody looked in between.
    private static let leap: TimeInterval = 90

    private(set) var since: Date
    private var lookedAt: Date

    init(_ now: Date) {
        (since, lookedAt) = (now, now)
    }

    mutating func look(at now: Date) {
        if abs(now.timeIntervalSince(lookedAt)) > Self.leap { since = now }
        lookedAt = now
    }
}

/// Finds incidents that are over: of what they are about enough minutes since the last sign were looked at, measured and clean.
struct IncidentCloser: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool
    /// As `MinuteReader` has them.
    let services: [ServiceName: [Int64: ServiceMinute]]
    let objectives: [Objective]
    let watchedSince: Date
    let now: Date

    struct Ending: Sendable {
        let id: UUID
        let lastSignalAt: Date
        let words: String
    }

    /// Within it the clean minutes must lie: those of requests are not kept for longer.
    private static let sight = TimeInterval(MinuteReader.kept * 60)
    private static let need = Double(IncidentRules.cleanMinutes * 60)

    func endings() async throws -> [Ending] {
        let rows = try await serving.query(
            """
            SELECT id, tier, region, drill, last_signal_at, haste, \(FeltMinutes.models) AS models
            FROM (SELECT *, \(OpenIncident.haste(drill: "drill", openedAt: "opened_at")) AS haste FROM reliability.incident WHERE resolved_at IS NULL) AS incident
            WHERE last_signal_at <= \(now)::timestamptz - make_interval(secs => \(Self.need)) / haste ORDER BY opened_at, id
            """)
        guard !rows.isEmpty else { return [] }
        let time = CleanTime(services, objectives, probes: try await probes())
        return try rows.compactMap { row in
            let subject = IncidentSubject(
                tier: try row.value("tier"), models: try row.value("models"), region: try row.value("region"), isDrill: try row.value("drill"))
            let (last, haste): (Date, Int64) = (try row.value("last_signal_at"), try row.value("haste"))
            let seconds = time.seconds(
                of: subject, since: max(last, watchedSince, now.addingTimeInterval(-Self.sight)).timeIntervalSince1970,
                now: now.timeIntervalSince1970, isWhole: haste == 1)
            guard seconds * Double(haste) >= Self.need else { return nil }
            return Ending(id: try row.value("id"), lastSignalAt: last, words: Self.words(Int(seconds), haste: haste))
        }
    }

    /// Whether it is open and showed no sign since; nobody changes that until the transaction ends.
    func isDue(_ ending: Ending, _ connection: PostgresConnection) async throws -> Bool {
        let row = try await connection.queryOne(
            """
            SELECT 1 AS yes FROM reliability.incident WHERE id = \(ending.id) AND resolved_at IS NULL
                AND last_signal_at < \(ending.lastSignalAt.addingTimeInterval(1)) FOR UPDATE
            """)
        return row != nil
    }

    private func probes() async throws -> [CleanTime.Place: [Int64: Bool]] {
        let rows = try await reliability.query(
            """
            SELECT model, region, extract(epoch FROM minute_at)::bigint / 60 AS minute, successes > 0 AS is_up FROM reliability.probe_minute
            WHERE minute_at > \(now.addingTimeInterval(-Self.sight - 60)) AND minute_at <= \(now) AND successes + failures > 0
            """)
        return try rows.reduce(into: [:]) { probes, row in
            let place = CleanTime.Place(model: try row.value("model"), region: try row.value("region"))
            probes[place, default: [:]][try row.value("minute")] = try row.value("is_up", as: Bool.self)
        }
    }

    /// How much of it was clean; in a drill clean time goes by faster.
    private static func words(_ seconds: Int, haste: Int64) -> String {
        haste > 1 ? "\(seconds) clean seconds, which the drill counts \(haste) times" : "\(seconds / 60) clean minutes"
    }
}
