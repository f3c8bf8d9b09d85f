import Postgres

/// Writes probes, and in the same statement what is counted from them: a probe that is told again is not counted again.
struct ProbeStore: Sendable {
    private let pool: PostgresPool
    private let metrics: ProbeCostMetrics?

    /// - Parameter pool: Of the reliability room.
    init(_ pool: PostgresPool, metrics: ProbeCostMetrics? = nil) {
        self.pool = pool
        self.metrics = metrics
    }

    /// How many were new.
    func store(_ records: [ProbeRecord]) async throws -> Int {
        guard !records.isEmpty else { return 0 }
        let row = try await pool.queryOne(
            """
            WITH stored AS (\(Self.stored(records))), minutes AS (\(Self.minutes)), days AS (\(Self.days)), news AS (\(Self.news)),
                states AS (\(Self.states)), costs AS (\(Self.costs))
            SELECT count(*) AS stored, coalesce(sum(prompt_tokens) FILTER (WHERE kind = 'worker'), 0)::bigint AS worker_prompts,
                coalesce(sum(completion_tokens) FILTER (WHERE kind = 'worker'), 0)::bigint AS worker_tokens,
                coalesce(sum(prompt_tokens) FILTER (WHERE kind = 'outside'), 0)::bigint AS outside_prompts,
                coalesce(sum(completion_tokens) FILTER (WHERE kind = 'outside'), 0)::bigint AS outside_tokens
            FROM stored
            """)
        guard let row else { return 0 }
        metrics?.worker.count(try row.value("worker_prompts"), try row.value("worker_tokens"))
        metrics?.outside.count(try row.value("outside_prompts"), try row.value("outside_tokens"))
        return try row.value("stored")
    }

    private static func stored(_ records: [ProbeRecord]) -> SQL {
        """
        INSERT INTO reliability.probe (id, at, kind, gateway_id, worker_id, provider, model, region, succeeded, fault, status, ttft_us,
            ttlt_us, name_lookup_us, connect_us, tls_us, link_rtt_us, prompt_tokens, completion_tokens, stand_in, drill)
        SELECT row.id, to_timestamp(row.at / 1000000.0), CASE WHEN row.worker IS NULL THEN 'outside' ELSE 'worker' END, row.gateway,
            row.worker, row.provider, row.model, row.region, row.fault IS NULL, row.fault, row.status, row.ttft, row.ttlt, row.lookup,
            row.connect, row.tls, row.rtt, row.prompt, row.completion, row.stand_in, row.drill
        FROM \(rows(records)) ORDER BY row.id
        ON CONFLICT DO NOTHING RETURNING *
        """
    }

    private static let minutes: SQL = """
        INSERT INTO reliability.probe_minute AS minute (model, region, minute_at, successes, failures)
        SELECT model, region, date_trunc('minute', at), count(*) FILTER (WHERE succeeded), count(*) FILTER (WHERE NOT succeeded)
        FROM stored WHERE NOT drill AND fault IS DISTINCT FROM 'customer' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (model, region, minute_at) DO UPDATE SET
            successes = minute.successes + EXCLUDED.successes, failures = minute.failures + EXCLUDED.failures
        """

    /// Tokens and time of all of them, whoever was at fault: they are paid for.
    private static let costs: SQL = """
        INSERT INTO reliability.probe_cost AS cost (day, kind, provider, model, region, probes, prompt_tokens, completion_tokens, held_us)
        SELECT (at AT TIME ZONE 'UTC')::date, kind, provider, model, region, count(*), sum(prompt_tokens), sum(completion_tokens),
            coalesce(sum(coalesce(ttlt_us, ttft_us)), 0)
        FROM stored GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (day, kind, provider, model, region) DO UPDATE SET
            probes = cost.probes + EXCLUDED.probes, prompt_tokens = cost.prompt_tokens + EXCLUDED.prompt_tokens,
            completion_tokens = cost.completion_tokens + EXCLUDED.completion_tokens, held_us = cost.held_us + EXCLUDED.held_us
        """

    private static let days: SQL = """
        INSERT INTO reliability.probe_day AS day (provider, region, day, successes, failures, link_rtt_us, link_rtt_samples,
            prompt_tokens, completion_tokens)
        SELECT provider, region, (at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE succeeded AND NOT drill),
            count(*) FILTER (WHERE NOT drill AND fault NOT IN ('gateway', 'customer')), coalesce(sum(link_rtt_us), 0), count(link_rtt_us),
            sum(prompt_tokens), sum(completion_tokens)
        FROM stored WHERE kind = 'worker' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (provider, region, day) DO UPDATE SET
            successes = day.successes + EXCLUDED.successes, failures = day.failures + EXCLUDED.failures,
            link_rtt_us = day.link_rtt_us + EXCLUDED.link_rtt_us,
            link_rtt_samples = day.link_rtt_samples + EXCLUDED.link_rtt_samples,
            prompt_tokens = day.prompt_tokens + EXCLUDED.prompt_tokens,
            completion_tokens = day.completion_tokens + EXCLUDED.completion_tokens
        """

    /// A gateway that was cut off tells late what it found: of a worker that was asked since, that says nothing of how it is now.
    private static let news: SQL = """
        SELECT stored.worker_id, min(stored.provider) AS provider, min(stored.model) AS model, min(stored.region) AS region, max(stored.at) AS last_at,
            max(stored.at) FILTER (WHERE NOT stored.stand_in) AS home_at,
            max(stored.at) FILTER (WHERE stored.succeeded AND stored.at > coalesce(known.last_at, '-infinity')) AS good_at,
            coalesce(max(known.last_at), '-infinity') AS known_until
        FROM stored LEFT JOIN reliability.probe_state AS known ON known.worker_id = stored.worker_id
        WHERE stored.kind = 'worker' GROUP BY stored.worker_id ORDER BY stored.worker_id
        """

    /// No clock that goes ahead makes what others find later old.
    private static let states: SQL = """
        INSERT INTO reliability.probe_state AS state (worker_id, provider, model, region, home_at, last_at, failures)
        SELECT worker_id, provider, model, region, coalesce(home_at, last_at), least(last_at, now()),
            (SELECT count(*) FROM stored WHERE stored.worker_id = news.worker_id
                AND fault IN ('host', 'runtime', 'answer', 'timeout') AND at > greatest(news.good_at, news.known_until))
        FROM news
        ON CONFLICT (worker_id) DO UPDATE SET
            home_at = greatest(state.home_at, (SELECT home_at FROM news WHERE news.worker_id = EXCLUDED.worker_id)),
            last_at = greatest(state.last_at, EXCLUDED.last_at),
            failures = EXCLUDED.failures + CASE
                WHEN (SELECT good_at FROM news WHERE news.worker_id = EXCLUDED.worker_id) IS NULL THEN state.failures ELSE 0 END
        """

    private static func rows(_ records: [ProbeRecord]) -> SQL {
        """
        unnest(\(records.map(\.id))::uuid[], \(records.map(\.at))::bigint[], \(records.map(\.gateway))::uuid[], \(records.map(\.worker))::uuid[],
            \(records.map(\.provider))::text[], \(records.map(\.model))::text[], \(records.map(\.region))::text[], \(records.map(\.fault))::text[],
            \(records.map { Int64($0.status) })::integer[], \(records.map(\.firstTokenAfter))::bigint[],
            \(records.map(\.lastTokenAfter))::bigint[], \(records.map(\.nameLookup))::bigint[], \(records.map(\.connect))::bigint[],
            \(records.map(\.tls))::bigint[], \(records.map(\.linkRoundTrip))::bigint[], \(records.map(\.promptTokens))::bigint[],
            \(records.map(\.completionTokens))::bigint[], \(records.map(\.standIn))::boolean[], \(records.map(\.drill))::boolean[])
            AS row (id, at, gateway, worker, provider, model, region, fault, status, ttft, ttlt, lookup, connect, tls, rtt, prompt, completion,
                stand_in, drill)
        """
    }
}
