import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Appends leaves to tenants' trees. Each step is one transaction that moves a tree from one minute to a later one, so that whatever ends the
/// program between two of them leaves neither a gap nor a double.
struct TreeCloser: Sendable {
    /// Places in a transaction at which a test can end the program.
    enum Step: Sendable, CaseIterable {
        case subscribed, read, written, grown, noted
    }

    private typealias Place = EvidenceSubscriptions.Place

    /// Of the reliability room.
    let pool: PostgresPool
    var reached: @Sendable (Step) async throws -> Void = { _ in }

    /// Closes the minutes before `limit`, day by day.
    ///
    /// - Parameters:
    ///   - wanted: What the tenant is subscribed to now.
    ///   - now: The present minute, in which new subscriptions begin.
    func close(_ tenant: UUID, wanted: EvidenceSubscriptions.Places, until limit: Int64, now: Int64) async throws {
        while try await closeDay(tenant, wanted: wanted, until: limit, now: now) {}
    }

    /// True when there may be more to close.
    private func closeDay(_ tenant: UUID, wanted: EvidenceSubscriptions.Places, until limit: Int64, now: Int64) async throws -> Bool {
        try await pool.transaction(.repeatable) { connection in
            _ = try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended(\(tenant)::text, 7116881261))")
            let newest = try await newest(tenant, connection)
            let first = if let newest { newest.next } else { try await begin(tenant, wanted, until: limit, connection) }
            try await subscribe(tenant, wanted, from: first, now: now, connection)
            try await adopt(tenant, min(first, limit)..<limit, connection)
            try await reached(.subscribed)
            guard var tree = try await open(tenant, after: newest, until: limit, connection) else { return false }
            let dayEnd = (tree.next / 1440 + 1) * 1440
            let range = tree.next..<max(tree.next, min(limit, dayEnd, tree.month.minutes.upperBound))
            guard !range.isEmpty else { return false }
            let stretches = try await stretches(tree, range, connection)
            try await reached(.read)
            try await write(stretches, tenant, connection)
            try await reached(.written)
            EvidenceWalk.leaves(stretches) { tree.frontier.append($0.hash) }
            tree.next = range.upperBound
            try await grow(tree, connection)
            try await reached(.grown)
            if range.upperBound == dayEnd { try await note(tree, connection) }
            try await reached(.noted)
            return range.upperBound < limit
        }
    }

    /// Of whom there is no leaf yet, leaves begin a day ago, or with what was promised or told of an earlier minute.
    private func begin(
        _ tenant: UUID, _ wanted: EvidenceSubscriptions.Places, until limit: Int64, _ connection: PostgresConnection
    ) async throws -> Int64 {
        let row = try await connection.queryOne(
            "SELECT extract(epoch FROM min(minute_at))::bigint / 60 AS minute FROM reliability.evidence_late WHERE tenant_id = \(tenant)")
        let told = try row?.value("minute", as: Int64?.self) ?? limit
        return wanted.values.compactMap(\.self).reduce(min(limit - 1440, told), min)
    }

    private func newest(_ tenant: UUID, _ connection: PostgresConnection) async throws -> TenantTree? {
        try await connection.queryOne(
            "SELECT \(TenantTree.columns) FROM reliability.evidence_tree WHERE tenant_id = \(tenant) ORDER BY month DESC LIMIT 1"
        ).map { try TenantTree($0) }
    }

    /// The tree that the next leaf belongs to. One is begun with the month of the first minute that has a leaf.
    private func open(
        _ tenant: UUID, after newest: TenantTree?, until limit: Int64, _ connection: PostgresConnection
    ) async throws -> TenantTree? {
        if let newest, !newest.isComplete { return newest }
        let after = EvidenceTime.minute(newest?.next ?? 0)
        let first = try await connection.queryOne(
            """
            SELECT extract(epoch FROM min(greatest(since_at, \(after))))::bigint / 60 AS minute FROM reliability.evidence_series
            WHERE tenant_id = \(tenant) AND (until_at IS NULL OR until_at > greatest(since_at, \(after)))
            """)
        guard let minute = try first?.value("minute", as: Int64?.self), minute < limit else { return nil }
        let month = BillingPeriod(microseconds: minute * 60_000_000)
        return try await connection.queryOne(
            """
            INSERT INTO reliability.evidence_tree (tenant_id, month, salt, next_at)
            VALUES (\(tenant), \(EvidenceTime.month(month)), \(SecureRandom.bytes(16)), \(EvidenceTime.minute(minute)))
            RETURNING \(TenantTree.columns)
            """
        ).map { try TenantTree($0) }
    }

    /// New subscriptions begin now, or with their agreement where that began since and the minute is not closed; those that are gone end now.
    private func subscribe(
        _ tenant: UUID, _ wanted: EvidenceSubscriptions.Places, from open: Int64, now: Int64, _ connection: PostgresConnection
    ) async throws {
        let places = Array(wanted.keys)
        let since = places.map { place in max(open, min(now, (wanted[place] ?? nil) ?? now)) }
        try await connection.execute(
            """
            UPDATE reliability.evidence_series AS series SET until_at = greatest(since_at, \(EvidenceTime.minute(now)))
            WHERE tenant_id = \(tenant) AND until_at IS NULL AND cause = 'subscription' AND NOT EXISTS (
                SELECT 1 FROM unnest(\(places.map(\.model))::text[], \(places.map(\.region))::text[]) AS wanted (model, region)
                WHERE wanted.model = series.model AND wanted.region = series.region)
            """)
        try await connection.execute(
            """
            INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, cause)
            SELECT \(tenant), model, region, greatest(to_timestamp(since * 60), (SELECT max(until_at) FROM reliability.evidence_series AS past
                WHERE past.tenant_id = \(tenant) AND past.model = wanted.model AND past.region = wanted.region)), 'subscription'
            FROM unnest(\(places.map(\.model))::text[], \(places.map(\.region))::text[], \(since)::bigint[]) AS wanted (model, region, since)
            ON CONFLICT (tenant_id, model, region) WHERE until_at IS NULL DO UPDATE SET cause = 'subscription'
            WHERE evidence_series.cause <> 'subscription'
            """)
    }

    /// What is used without a subscription, or before it was noticed, has leaves from its first request on: of minutes that no series covers yet.
    private func adopt(_ tenant: UUID, _ range: Range<Int64>, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            WITH seen AS (
                SELECT model, region, min(minute_at) AS first_at FROM reliability.minute_total AS minute
                WHERE tenant_id = \(tenant) AND \(time(range)) AND model <> '' AND region <> '' AND NOT EXISTS (
                    SELECT 1 FROM reliability.evidence_series AS series
                    WHERE series.tenant_id = \(tenant) AND series.model = minute.model AND series.region = minute.region
                        AND series.since_at <= minute_at AND (series.until_at IS NULL OR series.until_at > minute_at))
                GROUP BY model, region
            ), moved AS (
                UPDATE reliability.evidence_series AS series SET since_at = first_at FROM seen
                WHERE series.tenant_id = \(tenant) AND series.model = seen.model AND series.region = seen.region AND series.until_at IS NULL
                    AND series.since_at > first_at
            )
            INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, cause)
            SELECT \(tenant), model, region, first_at, 'traffic' FROM seen WHERE NOT EXISTS (
                SELECT 1 FROM reliability.evidence_series AS series
                WHERE series.tenant_id = \(tenant) AND series.model = seen.model AND series.region = seen.region
                    AND (series.until_at IS NULL OR series.until_at > seen.first_at))
            """)
    }

    private func time(_ range: Range<Int64>) -> SQL {
        "minute_at >= \(EvidenceTime.minute(range.lowerBound)) AND minute_at < \(EvidenceTime.minute(range.upperBound))"
    }
}

extension TreeCloser {
    private func stretches(_ tree: TenantTree, _ range: Range<Int64>, _ connection: PostgresConnection) async throws -> [EvidenceStretch] {
        let rows = try await connection.query(
            """
            SELECT model, region, extract(epoch FROM since_at)::bigint / 60 AS since, extract(epoch FROM until_at)::bigint / 60 AS until
            FROM reliability.evidence_series
            WHERE tenant_id = \(tree.tenant) AND since_at < \(EvidenceTime.minute(range.upperBound))
                AND (until_at IS NULL OR until_at > \(EvidenceTime.minute(range.lowerBound)))
            """)
        let counts = try await EvidenceCounts.read(tree.tenant, range, connection)
        return try rows.compactMap { row -> EvidenceStretch? in
            let (model, region): (String, String) = (try row.value("model"), try row.value("region"))
            // A name that no leaf can hold is no model of ours.
            guard let series = EvidenceSeries(tenant: tree.tenantName, model: model, region: region) else { return nil }
            let since = max(try row.value("since"), range.lowerBound)
            let until = min(try row.value("until", as: Int64?.self) ?? range.upperBound, range.upperBound)
            var stretch = EvidenceStretch(series: series, since: since)
            let place = EvidenceSubscriptions.Place(model: model, region: region)
            for minute in since..<max(since, until) { stretch.runs.append(counts.leaf(place, minute)) }
            return stretch.runs.count == 0 ? nil : stretch
        }
    }

    /// Lengthens the rows of the day, or begins them.
    private func write(_ stretches: [EvidenceStretch], _ tenant: UUID, _ connection: PostgresConnection) async throws {
        for stretch in stretches {
            let row = try await connection.queryOne(
                """
                SELECT leaves, extract(epoch FROM since_at)::bigint / 60 AS since FROM reliability.evidence_day
                WHERE tenant_id = \(tenant) AND day = \(EvidenceTime.day(stretch.since)) AND model = \(stretch.series.model)
                    AND region = \(stretch.series.region) AND since_at + make_interval(mins => minutes) = \(EvidenceTime.minute(stretch.since))
                """)
            var runs = LeafRuns()
            if let row {
                guard let known = LeafRuns(try row.value("leaves", as: String.self)) else { throw PostgresError(.decoding, "leaves that are none") }
                runs = known
            }
            runs.append(stretch.runs)
            let since = try row?.value("since", as: Int64.self) ?? stretch.since
            try await connection.execute(
                """
                INSERT INTO reliability.evidence_day (tenant_id, day, model, region, since_at, minutes, leaves)
                VALUES (\(tenant), \(EvidenceTime.day(since)), \(stretch.series.model), \(stretch.series.region), \(EvidenceTime.minute(since)),
                    \(runs.count), \(runs.text))
                ON CONFLICT (tenant_id, day, model, region, since_at) DO UPDATE SET minutes = EXCLUDED.minutes, leaves = EXCLUDED.leaves
                """)
        }
    }

    private func grow(_ tree: TenantTree, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            UPDATE reliability.evidence_tree SET next_at = \(EvidenceTime.minute(tree.next)), leaves = \(tree.frontier.count),
                peaks = \(TenantTree.bytes(tree.frontier.peaks)), root = \(tree.frontier.root.bytes)
            WHERE id = \(tree.id)
            """)
        // What nobody is subscribed to has leaves to the end of the month in which it was used.
        guard tree.isComplete else { return }
        try await connection.execute(
            """
            UPDATE reliability.evidence_series SET until_at = \(EvidenceTime.minute(tree.next))
            WHERE tenant_id = \(tree.tenant) AND until_at IS NULL AND cause = 'traffic' AND since_at < \(EvidenceTime.minute(tree.next))
            """)
    }

    /// A root for the public log: of each whole day, the last of which is the month's.
    private func note(_ tree: TenantTree, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.evidence_fact (tenant_id, month, kind, leaves, digest)
            VALUES (\(tree.tenant), \(EvidenceTime.month(tree.month)), 'root', \(tree.frontier.count), \(tree.frontier.root.bytes))
            ON CONFLICT (tenant_id, month, kind, digest, leaves) DO NOTHING
            """)
    }
}

/// What was counted in the minutes of a range, and what probes saw.
struct EvidenceCounts: Sendable {
    private struct Minute: Sendable {
        var evidence = MinuteEvidence()
        var firstTokens = LatencyCounter()
    }

    private let range: Range<Int64>
    /// One for each minute of the range.
    private var places: [EvidenceSubscriptions.Place: [Minute]] = [:]

    private init(_ range: Range<Int64>) {
        self.range = range
    }

    /// Of a minute of the range that was read.
    func leaf(_ place: EvidenceSubscriptions.Place, _ minute: Int64) -> LeafCounts {
        let found = places[place]?[Int(minute - range.lowerBound)] ?? Minute()
        return LeafCounts(found.evidence, firstTokens: found.firstTokens)
    }

    /// - Parameter place: Nil: all of the tenant.
    static func read(
        _ tenant: UUID, _ range: Range<Int64>, place: EvidenceSubscriptions.Place? = nil, _ connection: PostgresConnection
    ) async throws -> EvidenceCounts {
        let time: SQL = "minute_at >= \(EvidenceTime.minute(range.lowerBound)) AND minute_at < \(EvidenceTime.minute(range.upperBound))"
        let only: SQL = place.map { "model = \($0.model) AND region = \($0.region)" } ?? "TRUE"
        let answers = try await connection.pipeline([
            """
            SELECT model, region, extract(epoch FROM minute_at)::bigint / 60 AS minute, good, bad, excluded, first_token_samples AS samples,
                first_token_over AS over
            FROM reliability.minute_total WHERE tenant_id = \(tenant) AND \(time) AND \(only)
            """,
            """
            SELECT model, region, extract(epoch FROM minute_at)::bigint / 60 AS minute, successes::bigint AS good, failures::bigint AS bad
            FROM reliability.probe_minute
            WHERE \(time) AND \(only) AND (model, region) IN (SELECT model, region FROM reliability.evidence_series WHERE tenant_id = \(tenant))
            """,
        ])
        var counts = EvidenceCounts(range)
        for row in answers[0] {
            let (good, bad, excluded): (Int64, Int64, Int64) = (try row.value("good"), try row.value("bad"), try row.value("excluded"))
            let firstTokens = LatencyCounter(samples: try row.value("samples"), over: try row.value("over"))
            try counts.note(row) {
                ($0.evidence.good, $0.evidence.bad, $0.evidence.excluded) = (good, bad, excluded)
                $0.firstTokens = firstTokens
            }
        }
        for row in answers[1] {
            let (good, bad): (Int64, Int64) = (try row.value("good"), try row.value("bad"))
            try counts.note(row) { ($0.evidence.probeSuccesses, $0.evidence.probeFailures) = (good, bad) }
        }
        return counts
    }

    private mutating func note(_ row: PostgresRow, _ change: (inout Minute) -> Void) throws {
        let place = EvidenceSubscriptions.Place(model: try row.value("model"), region: try row.value("region"))
        let index = Int(try row.value("minute", as: Int64.self) - range.lowerBound)
        change(&places[place, default: Array(repeating: Minute(), count: range.count)][index])
    }
}
