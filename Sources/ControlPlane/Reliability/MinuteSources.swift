import Domain
import FoundationEssentials
import Postgres

/// Starts of gateways that tell minutes. Counters are cumulative, so a batch that is lost on its way is made good by the next one, and gaps in the numbers
/// mean nothing; what a start counted after its last word is lost when it ends without another. Of such a minute nobody knows that it was good: whoever was
/// served there has a request in it that counts as interrupted, until the gateway speaks again or its usage records have come (`MinuteRecount`).
struct MinuteSources: Sendable {
    /// Gateways tell every few seconds, whether there is something to tell or not.
    static let silence: SQL = "interval '90 seconds'"

    /// What a gateway told longer ago than this is news no more: two of its batches are missing.
    private static let fresh: SQL = "interval '15 seconds'"

    /// Of the reliability room.
    let pool: PostgresPool

    /// Everything up to this batch is stored.
    ///
    /// - Parameter firstTokens: Of its last half minute, a JSON array.
    func note(_ gateway: UUID, _ boot: String, sequence: Int64, closes: Bool, firstTokens: String = "[]") async throws {
        // That it was lost is forgotten together with what that made of its minutes: who dies between the two would leave them bad for ever.
        try await pool.transaction { connection in
            let row = try await connection.queryOne(
                """
                WITH known AS (
                    SELECT told_at, lost_at FROM reliability.minute_source WHERE gateway_id = \(gateway) AND boot_id = \(boot) FOR UPDATE
                ), told AS (
                    INSERT INTO reliability.minute_source AS source (gateway_id, boot_id, sequence, closed_at, first_tokens)
                    VALUES (\(gateway), \(boot), \(sequence), CASE WHEN \(closes) THEN now() END, \(firstTokens)::jsonb)
                    ON CONFLICT (gateway_id, boot_id) DO UPDATE SET told_at = now(), sequence = greatest(source.sequence, EXCLUDED.sequence),
                        closed_at = EXCLUDED.closed_at, lost_at = NULL, first_tokens = EXCLUDED.first_tokens
                )
                SELECT told_at FROM known WHERE lost_at IS NOT NULL
                """)
            guard let told = try row?.value("told_at", as: Date.self) else { return }
            try await connection.execute(
                """
                UPDATE reliability.minute SET outcomes = '{}', bad = 0, sequence = sequence + 1, received_at = now()
                WHERE gateway_id = \(gateway) AND boot_id = left(\(boot)::text, 59) || '-lost'
                    AND minute_at >= date_trunc('minute', \(told)::timestamptz) AND minute_at <= \(told)::timestamptz + interval '5 seconds'
                """)
        }
    }

    /// First tokens of the last half minute, as gateways have told them within the last seconds.
    func firstTokens() async throws -> [ServiceName: LatencyCounter] {
        let rows = try await pool.query(
            """
            SELECT told.tier, told.model, told.region, coalesce(told.drill, FALSE) AS drill, sum(told.samples)::bigint AS samples,
                sum(told.over)::bigint AS over
            FROM reliability.minute_source AS source, jsonb_to_recordset(source.first_tokens)
                AS told (tier text, model text, region text, drill boolean, samples bigint, over bigint)
            WHERE source.told_at > now() - \(Self.fresh) GROUP BY 1, 2, 3, 4
            """)
        return try rows.reduce(into: [:]) { counts, row in
            let name = ServiceName(
                tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"), isDrill: try row.value("drill"))
            counts[name] = LatencyCounter(samples: try row.value("samples"), over: try row.value("over"))
        }
    }

    /// Every usage record of these earlier starts of a gateway is stored. One that never told a minute is noted with the number 0.
    func noteRecorded(_ gateway: UUID, _ boots: [String]) async throws {
        let boots = boots.filter { (1...64).contains($0.unicodeScalars.count) && !$0.unicodeScalars.contains("\0") }
        try await pool.execute(
            """
            INSERT INTO reliability.minute_source AS source (gateway_id, boot_id, sequence, records_at)
            SELECT DISTINCT \(gateway)::uuid, boot, 0, now() FROM unnest(\(Array(boots.prefix(1_000)))::text[]) AS boot
            ON CONFLICT (gateway_id, boot_id) DO UPDATE SET records_at = now() WHERE source.closed_at IS NULL
            """)
    }

    /// Who is asked for and by whom, as minutes are told.
    struct Subject: Sendable {
        var tenant: UUID
        var tier: String
        var model: String
        var region: String
    }

    /// How many starts have fallen silent since the last time. Who was there when a drill took the control plane away is silent from its end on.
    ///
    /// - Parameter served: Whom one served since, by usage records that have come: tenants of its last seconds were never told.
    func findLost(_ served: @Sendable (UUID, String, Date) async throws -> [Subject]) async throws -> Int {
        try await pool.transaction { connection in
            let rows = try await connection.query(
                """
                UPDATE reliability.minute_source AS source SET lost_at = now()
                WHERE closed_at IS NULL AND lost_at IS NULL AND records_at IS NULL AND told_at < now() - \(Self.silence)
                    AND NOT EXISTS (SELECT 1 FROM reliability.alone_gateway AS alone WHERE alone.gateway_id = source.gateway_id
                        AND alone.until_at > now() - \(Self.silence) AND source.told_at > alone.started_at - \(Self.silence))
                RETURNING gateway_id, boot_id, told_at
                """)
            for row in rows {
                let (gateway, boot, told): (UUID, String, Date) = (try row.value("gateway_id"), try row.value("boot_id"), try row.value("told_at"))
                try await spoil(gateway, boot, told, try await served(gateway, boot, told), connection)
            }
            try await connection.execute("DELETE FROM reliability.minute_source WHERE told_at < now() - interval '40 days'")
            return rows.count
        }
    }

    /// The minute of its last word, and the next one where that came in the last seconds.
    private func spoil(_ gateway: UUID, _ boot: String, _ told: Date, _ served: [Subject], _ connection: PostgresConnection) async throws {
        let served = served + (try await known(gateway, boot, told, connection))
        try await connection.execute(
            """
            INSERT INTO reliability.minute AS minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad,
                excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
            SELECT DISTINCT known.tenant_id, known.model, known.region, lost.minute_at, \(gateway)::uuid, left(\(boot)::text, 59) || '-lost', 1,
                known.tier, '{"bad:interrupted": 1}'::jsonb, 0, 1, 0, 0, 0, 0, 0, 0, 0, '{}'::jsonb
            FROM (
                SELECT tenant_id, tier, model, region FROM reliability.minute WHERE gateway_id = \(gateway) AND boot_id = \(boot) AND NOT drill
                    AND minute_at >= date_trunc('minute', \(told)::timestamptz) - interval '1 minute' AND minute_at <= \(told)::timestamptz
                UNION
                SELECT * FROM unnest(\(served.map(\.tenant))::uuid[], \(served.map(\.tier))::text[], \(served.map(\.model))::text[],
                    \(served.map(\.region))::text[])
            ) AS known, (VALUES (date_trunc('minute', \(told)::timestamptz)),
                (date_trunc('minute', \(told)::timestamptz + interval '5 seconds'))) AS lost (minute_at)
            ON CONFLICT (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill) DO UPDATE SET
                outcomes = EXCLUDED.outcomes, bad = 1, sequence = minute.sequence + 1, received_at = now()
            """)
    }
}

extension MinuteSources {
    /// Whom it told of in its last minutes.
    private func known(_ gateway: UUID, _ boot: String, _ told: Date, _ connection: PostgresConnection) async throws -> [Subject] {
        let minutes = try await ToldMinutes.rows(
            """
            SELECT gateway_id, boot_id, extract(epoch FROM minute_at)::bigint / 60 AS minute, counters FROM reliability.minute_told
            WHERE gateway_id = \(gateway) AND boot_id = \(boot)
                AND minute_at >= date_trunc('minute', \(told)::timestamptz) - interval '1 minute' AND minute_at <= \(told)::timestamptz
            """, connection)
        return minutes.values.flatMap(\.counters.keys).filter { !$0.drill }.map {
            Subject(tenant: $0.tenant, tier: $0.tier, model: $0.model, region: $0.region)
        }
    }
}

/// Whether the keeper has listened long enough to call somebody else silent: not right after it began, nor after a leap of the clock.
struct Attention: Sendable {
    private static let least: Double = 120
    private static let leap: Double = 30

    private var since: (wall: Date, instant: ContinuousClock.Instant)?

    mutating func lose() { since = nil }

    mutating func holds(at wall: Date, _ instant: ContinuousClock.Instant = .now) -> Bool {
        guard let since else {
            self.since = (wall, instant)
            return false
        }
        let passed = (instant - since.instant) / .seconds(1)
        guard abs(wall.timeIntervalSince(since.wall) - passed) < Self.leap else {
            self.since = (wall, instant)
            return false
        }
        return passed >= Self.least
    }
}
