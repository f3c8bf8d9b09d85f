import Domain
import Postgres

/// Requests of a time by what objectives count.
struct RequestSums: Sendable, Equatable {
    var good: Int64 = 0
    var bad: Int64 = 0
    var excluded: Int64 = 0
    var serverErrors: Int64 = 0
    var shed: Int64 = 0
    var overQuota: Int64 = 0
    var firstTokenSamples: Int64 = 0
    var firstTokenOver: Int64 = 0

    static let names: SQL = "good, bad, excluded, server_errors, shed, over_quota, first_token_samples, first_token_over"

    static let columns: SQL = """
        coalesce(sum(good), 0)::bigint AS good, coalesce(sum(bad), 0)::bigint AS bad, coalesce(sum(excluded), 0)::bigint AS excluded,
        coalesce(sum(server_errors), 0)::bigint AS server_errors, coalesce(sum(shed), 0)::bigint AS shed,
        coalesce(sum(over_quota), 0)::bigint AS over_quota, coalesce(sum(first_token_samples), 0)::bigint AS first_token_samples,
        coalesce(sum(first_token_over), 0)::bigint AS first_token_over
        """

    init() {}

    init(_ row: PostgresRow) throws {
        good = try row.value("good")
        bad = try row.value("bad")
        excluded = try row.value("excluded")
        serverErrors = try row.value("server_errors")
        shed = try row.value("shed")
        overQuota = try row.value("over_quota")
        firstTokenSamples = try row.value("first_token_samples")
        firstTokenOver = try row.value("first_token_over")
    }

    /// Bad events and all of them, for one kind of objective; of a last token none: probes of a fixed length judge it.
    func events(_ kind: ObjectiveKind) -> BurnWindow {
        let requests = good + bad + excluded
        switch kind {
        case .availability: return BurnWindow(bad: bad, total: good + bad)
        case .firstToken: return BurnWindow(bad: firstTokenOver, total: firstTokenSamples)
        case .lastToken: return BurnWindow(bad: 0, total: 0)
        // What customers did wrong does not make our errors fewer.
        case .errorRate: return BurnWindow(bad: serverErrors, total: good + bad)
        case .refusalRate:
            let counted = ShareObjective.refusals(shed, aboveBurst: overQuota, requests: requests)
            return BurnWindow(bad: counted.events, total: counted.of)
        }
    }

    static func + (left: RequestSums, right: RequestSums) -> RequestSums {
        var sum = left
        sum.good += right.good
        sum.bad += right.bad
        sum.excluded += right.excluded
        sum.serverErrors += right.serverErrors
        sum.shed += right.shed
        sum.overQuota += right.overQuota
        sum.firstTokenSamples += right.firstTokenSamples
        sum.firstTokenOver += right.firstTokenOver
        return sum
    }
}

extension MinuteBook {
    /// Sums over a time whose whole days are closed: days are read as days, only its edges as minutes.
    func requests(of subject: MinuteSubject, in range: MinuteRange) async throws -> RequestSums {
        let perDay: Int64 = 1_440
        let firstDay = (range.lowerBound + perDay - 1) / perDay
        let lastDay = range.upperBound / perDay
        guard firstDay < lastDay else { return try await sums(subject.traffic(range)) }
        let edges = [range.lowerBound..<firstDay * perDay, lastDay * perDay..<range.upperBound].filter { !$0.isEmpty }
        let parts = [subject.days(firstDay..<lastDay)] + edges.map { subject.traffic($0) }
        return try await sums(
            SQL.joined(parts.map { "SELECT \(RequestSums.names) FROM (\($0)) AS part" }, separator: " UNION ALL "))
    }

    /// Sums over the last so many seconds before a minute, for each of them.
    func recent(of subject: MinuteSubject, before minute: Int64, seconds: [Int64]) async throws -> [RequestSums] {
        let longest = seconds.max() ?? 0
        let bounds = seconds.sorted()
        let rows = try await query(
            """
            SELECT width_bucket(extract(epoch FROM \(SQL.minute(minute)) - minute_at)::bigint - 1, \(bounds)::bigint[]) AS part,
                \(RequestSums.columns)
            FROM (\(subject.traffic(minute - longest / 60..<minute))) AS asked GROUP BY part
            """)
        var parts = [RequestSums](repeating: RequestSums(), count: bounds.count + 1)
        for row in rows {
            let part: Int = try row.value("part")
            parts[part] = parts[part] + (try RequestSums(row))
        }
        return seconds.map { wanted in
            zip(bounds, parts).filter { $0.0 <= wanted }.reduce(RequestSums()) { $0 + $1.1 }
        }
    }

    /// Of reliability.probe: probes of exactly as many tokens as objectives of the last token are for. Those through the public endpoint ask for so many.
    static let fixedLength: SQL = """
        probe.succeeded AND NOT probe.drill AND probe.completion_tokens = \(FixedLengthSample.defaultTokens) AND probe.ttlt_us IS NOT NULL
        """

    /// Probes of a time whose last token came after the threshold, and all of them.
    func lastTokens(of subject: MinuteSubject, threshold: Int64, in range: MinuteRange) async throws -> BurnWindow {
        let rows = try await query(
            """
            SELECT count(*) AS total, count(*) FILTER (WHERE ttlt_us > \(threshold)) AS bad FROM reliability.probe
            WHERE model = \(subject.model) AND region = \(subject.region) AND \(Self.fixedLength)
                AND at >= \(SQL.minute(range.lowerBound)) AND at < \(SQL.minute(range.upperBound))
            """)
        return try rows.first.map { BurnWindow(bad: try $0.value("bad"), total: try $0.value("total")) } ?? BurnWindow(bad: 0, total: 0)
    }

    /// The same over the last so many seconds before a minute, for each of them.
    func recentLastTokens(of subject: MinuteSubject, threshold: Int64, before minute: Int64, seconds: [Int64]) async throws -> [BurnWindow] {
        var windows: [BurnWindow] = []
        for length in seconds {
            windows.append(try await lastTokens(of: subject, threshold: threshold, in: minute - length / 60..<minute))
        }
        return windows
    }

    private func sums(_ rows: SQL) async throws -> RequestSums {
        try await query("SELECT \(RequestSums.columns) FROM (\(rows)) AS asked").first.map { try RequestSums($0) } ?? RequestSums()
    }
}

extension MinuteSubject {
    /// Of whole days since 1970, which are closed.
    fileprivate func days(_ days: Range<Int64>) -> SQL {
        let time: SQL = "day >= DATE '1970-01-01' + \(Int(days.lowerBound))::integer AND day < DATE '1970-01-01' + \(Int(days.upperBound))::integer"
        let whose: SQL =
            if let tenant {
                "tenant_id = \(tenant)"
            } else if let tier {
                "tenant_id = '00000000-0000-0000-0000-000000000000' AND tier = \(tier)"
            } else {
                "tenant_id = '00000000-0000-0000-0000-000000000000' AND tier = ''"
            }
        return "SELECT * FROM reliability.day_total WHERE model = \(model) AND region = \(region) AND \(whose) AND \(time)"
    }
}
