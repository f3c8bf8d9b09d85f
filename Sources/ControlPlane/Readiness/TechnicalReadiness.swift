import FoundationEssentials
import Postgres

/// The ten technical lines, each by what the installation itself has seen.
enum TechnicalReadiness {
    static let lines = [
        ReadinessLine("image-hash", .technical, "Every release that serves has an image of a known digest", check: RuntimeReadiness.image),
        ReadinessLine("streaming", .technical, "Runtimes stream reliably", check: streaming),
        ReadinessLine("chat-endpoint", .technical, "The gateway answers chat completions at the public endpoint", check: endpoint),
        ReadinessLine("limits", .technical, "Keys, quotas and rate limits are enforced at the gateway", check: limits),
        ReadinessLine("two-providers", .technical, "Two providers are in rotation", check: providers),
        ReadinessLine("fallback-drill", .technical, "The fallback was tested under a synthetic failure", check: fallback),
        ReadinessLine("probes", .technical, "Probes show latency, errors, queue time and provider health", check: probes),
        ReadinessLine("prompt-logging", .technical, "Prompts are not logged", check: RuntimeReadiness.logging),
        ReadinessLine("usage-match", .technical, "Usage records match token counts", check: usage),
        ReadinessLine("runbook", .technical, "The incident runbook was rehearsed", check: runbook),
    ]

    @Sendable private static func streaming(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let (models, regions) = try await sold(sources)
        guard !models.isEmpty else { return .missing("nothing is sold: no SKU is active") }
        // As old as the newest minutes that have as many streams as are needed.
        let row = try await sources.reliability(
            """
            WITH told AS (
                SELECT model, region, minute_at, sum(streams)::bigint AS streams,
                    sum(coalesce((outcomes ->> 'bad:stream_broken')::bigint, 0))::bigint AS broken
                FROM reliability.minute WHERE minute_at > now() - interval '7 days' AND NOT drill AND streams > 0 GROUP BY model, region, minute_at
            ), counted AS (
                SELECT model, region, minute_at, streams, broken, sum(streams) OVER (PARTITION BY model, region ORDER BY minute_at DESC) AS newest FROM told
            ), place AS (
                SELECT sold.model || ' in ' || sold.region AS name, coalesce(sum(streams), 0)::bigint AS streams,
                    coalesce(sum(broken), 0)::bigint AS broken, max(minute_at) FILTER (WHERE newest >= \(fewestStreams)) AS at
                FROM unnest(\(models)::text[], \(regions)::text[]) AS sold (model, region) LEFT JOIN counted USING (model, region)
                GROUP BY sold.model, sold.region
            )
            SELECT sum(streams)::bigint AS streams, sum(broken)::bigint AS broken, min(at) AS at,
                coalesce(string_agg(name || ' (' || streams || ')', ', ' ORDER BY name) FILTER (WHERE at IS NULL), '') AS few,
                coalesce(string_agg(name || ' (' || broken || ' of ' || streams || ')', ', ' ORDER BY name)
                    FILTER (WHERE at IS NOT NULL AND broken * 1000 > streams * 2), '') AS worse
            FROM place
            """)
        let (few, worse): (String, String) = (try row.value("few"), try row.value("worse"))
        if !worse.isEmpty {
            return .missing("streams of the last 7 days that we broke, of which at most 0.2 % may be: \(worse)", at: try row.value("at"))
        }
        guard few.isEmpty, let at = try row.value("at", as: Date?.self) else {
            return .missing("streams in 7 days, of which \(fewestStreams) are needed to tell: \(few)", at: try row.value("at"))
        }
        let (streams, broken): (Int64, Int64) = (try row.value("streams"), try row.value("broken"))
        return .proven(
            "\(broken) of \(streams) streams of the last 7 days were broken by us, nowhere more than 0.2 %; sold models with their regions: \(models.count)",
            at: at)
    }

    /// Of each model where it is sold, to say anything of it.
    private static let fewestStreams: Int64 = 100

    /// Models with the regions in which they are sold first.
    private static func sold(_ sources: ReadinessSources) async throws -> (models: [String], regions: [String]) {
        let sold = try await sources.databases.serving.query(
            "SELECT DISTINCT model, primary_region AS region FROM serving.skus WHERE state = 'active' ORDER BY 1, 2")
        return (try sold.map { try $0.value("model", as: String.self) }, try sold.map { try $0.value("region", as: String.self) })
    }

    /// What is sold, each where it is sold first.
    @Sendable private static func endpoint(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let (models, regions) = try await sold(sources)
        guard !models.isEmpty else { return .missing("nothing is sold: no SKU is active") }
        let row = try await sources.reliability(
            """
            SELECT min(seen.at) AS at, coalesce(sum(seen.asked), 0)::bigint AS asked, coalesce(sum(seen.answered), 0)::bigint AS answered,
                coalesce(string_agg(sold.model || ' in ' || sold.region, ', ' ORDER BY sold.model, sold.region)
                    FILTER (WHERE NOT coalesce(seen.at > now() - interval '1 hour' AND seen.is_up, false)), '') AS lacking
            FROM unnest(\(models)::text[], \(regions)::text[]) AS sold (model, region), LATERAL (
                SELECT max(at) FILTER (WHERE succeeded) AS at, count(*) AS asked, count(*) FILTER (WHERE succeeded) AS answered,
                    (array_agg(succeeded ORDER BY at DESC))[1] AS is_up
                FROM reliability.probe WHERE kind = 'outside' AND model = sold.model AND region = sold.region AND at > now() - interval '1 day'
                    AND NOT drill AND fault IS DISTINCT FROM 'customer') AS seen
            """)
        let words =
            "\(try row.value("answered", as: Int64.self)) of \(try row.value("asked", as: Int64.self)) probes through public endpoints were answered in a day"
        let lacking: String = try row.value("lacking")
        guard lacking.isEmpty, let at = try row.value("at", as: Date?.self) else {
            return .missing("\(words); the last one of an hour failed, or there was none: \(lacking)", at: try row.value("at"))
        }
        return .proven("\(words); sold models with their regions, of each of which the last one was: \(models.count)", at: at)
    }

    /// By what public endpoints answer to what they must refuse; that quotas are kept is told by the requests that were refused above them.
    @Sendable private static func limits(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT count(*) AS looks, min(at) AS at, coalesce(bool_and(at > now() - interval '2 hours'), FALSE) AS is_new,
                coalesce(string_agg(region || ' (' || unknown_status || ')', ', ' ORDER BY region) FILTER (WHERE unknown_status <> 401), '') AS open,
                coalesce(string_agg(region, ', ' ORDER BY region) FILTER (WHERE asked > 0 AND refused = 0), '') AS unlimited,
                coalesce(bool_or(asked = 0), FALSE) AS unasked, coalesce(sum(refused), 0)::bigint AS refused, coalesce(sum(asked), 0)::bigint AS asked,
                (SELECT coalesce(sum((outcomes ->> 'excluded:quota')::bigint), 0)::bigint FROM reliability.minute
                    WHERE minute_at > now() - interval '60 days' AND outcomes ? 'excluded:quota') AS of_customers
            FROM reliability.limit_look
            """)
        let (open, unlimited): (String, String) = (try row.value("open"), try row.value("unlimited"))
        guard let at = try row.value("at", as: Date?.self), try row.value("is_new") else {
            return .missing("no public endpoint was asked within two hours for what it must refuse (outside_probes)", at: try row.value("at"))
        }
        if !open.isEmpty { return .missing("a key that nobody has was not answered with 401 at: \(open)", at: at) }
        if try row.value("unasked") {
            return .missing(
                "there is no key to ask too often with: the second line of outside_probes.key_file (plimsoll keys create … purpose=probe requests_per_minute=1)",
                at: at)
        }
        if !unlimited.isEmpty { return .missing("a key of one request a minute was not answered with 429 at: \(unlimited)", at: at) }
        return .proven(
            "a key that nobody has got 401 and one of one request a minute 429 (\(try row.value("refused", as: Int64.self)) of "
                + "\(try row.value("asked", as: Int64.self)) at once); endpoints: \(try row.value("looks", as: Int64.self)); of customers "
                + "\(try row.value("of_customers", as: Int64.self)) requests above limits and quotas were refused in 60 days", at: at)
    }

    /// Where each model is sold first: a second provider elsewhere helps nobody there.
    @Sendable private static func providers(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let sold = try await sources.databases.serving.query(
            "SELECT DISTINCT model, primary_region AS region FROM serving.skus WHERE state = 'active' ORDER BY 1, 2")
        guard !sold.isEmpty else { return .missing("nothing is sold: no SKU is active") }
        let workers = try await sources.databases.serving.query(
            """
            SELECT worker.id FROM \(Rotation.workers)
                AND NOT EXISTS (SELECT 1 FROM reliability.provider_score AS bad WHERE bad.provider = pool.provider AND bad.low)
            """
        ).map { try $0.value("id", as: UUID.self) }
        // As old as the second newest of the providers.
        let rows = try await sources.databases.reliability.query(
            """
            SELECT model, region, count(*) AS providers, (array_agg(at ORDER BY at DESC))[2] AS at FROM (
                SELECT model, region, provider, max(at) AS at FROM reliability.probe
                WHERE kind = 'worker' AND succeeded AND provider <> '' AND at > now() - interval '10 minutes' AND NOT drill
                    AND worker_id = ANY(\(workers)::uuid[]) GROUP BY model, region, provider) AS seen
            GROUP BY model, region
            """)
        var seen: [String: (count: Int, at: Date?)] = [:]
        for row in rows { seen[try place(row)] = (try row.value("providers"), try row.value("at")) }
        var (short, at): ([String], Date) = ([], .distantFuture)
        for row in sold {
            let place = try place(row)
            guard let found = seen[place], found.count >= 2, let second = found.at else {
                short.append("\(place) (\(seen[place]?.count ?? 0))")
                continue
            }
            at = min(at, second)
        }
        if !short.isEmpty {
            return .missing("below two providers in rotation that answered a probe in ten minutes: \(short.joined(separator: ", "))")
        }
        return .proven(
            "two providers or more in rotation answered a probe in ten minutes for each sold model in its primary region; places: \(sold.count)",
            at: at)
    }

    private static func place(_ row: PostgresRow) throws -> String {
        "\(try row.value("model", as: String.self)) in \(try row.value("region", as: String.self))"
    }

    /// Of what is sold with a promise, or of all that is sold where nothing is: the last try of each within thirty days.
    @Sendable private static func fallback(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            WITH sold AS (SELECT r.name, \(PromisedTiers.condition("tier")) AS promises, \(FallbackTerms.refusedForSKU) AS refused_by
                FROM serving.skus AS r JOIN serving.tiers AS tier ON tier.name = r.tier WHERE r.state = 'active')
            SELECT count(*) AS sold, min(tried.at) AS at,
                coalesce(string_agg(sold.name || ' by ' || sold.refused_by, '; ' ORDER BY sold.name), '') AS refused,
                coalesce(string_agg(sold.name, ', ' ORDER BY sold.name) FILTER (WHERE tried.at IS NULL), '') AS untried,
                coalesce(string_agg(sold.name, ', ' ORDER BY sold.name) FILTER (WHERE NOT tried.held), '') AS failed
            FROM sold LEFT JOIN LATERAL (SELECT at, held FROM reliability.tried_fallback AS known
                WHERE known.sku = sold.name AND known.at > now() - interval '30 days' ORDER BY at DESC LIMIT 1) AS tried ON true
            WHERE sold.promises OR NOT EXISTS (SELECT 1 FROM sold AS other WHERE other.promises)
            """)
        let (sold, untried, failed): (Int, String, String) = (try row.value("sold"), try row.value("untried"), try row.value("failed"))
        let at = try row.value("at", as: Date?.self)
        guard sold > 0 else { return .missing("nothing is sold: no SKU is active") }
        let refused: String = try row.value("refused")
        let stopped = refused.isEmpty ? "" : "; the fallback SKU does not answer, by contracts whose terms do not name its model: \(refused)"
        if !failed.isEmpty { return .missing("the promise did not hold when the fallback was last tried of: \(failed)\(stopped)", at: at) }
        guard untried.isEmpty, let at else {
            return .missing(
                "no drill of the last 30 days had requests served by a fallback of: \(untried) (plimsoll drill provider-loss --load 4)\(stopped)",
                at: at)
        }
        return .proven(
            "the promise held while the fallback served customers, in a drill of the last 30 days for each sold SKU; SKUs: \(sold)\(stopped)", at: at)
    }

    @Sendable private static func probes(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT least(max(at) FILTER (WHERE ttft_us IS NOT NULL), max(at) FILTER (WHERE ttlt_us IS NOT NULL),
                    max(at) FILTER (WHERE provider <> ''), told.queued_at) AS at, count(*) AS probes, count(*) FILTER (WHERE NOT succeeded) AS failed,
                count(DISTINCT provider) FILTER (WHERE provider <> '') AS providers,
                percentile_disc(0.95) WITHIN GROUP (ORDER BY ttft_us) / 1000 AS first, percentile_disc(0.95) WITHIN GROUP (ORDER BY ttlt_us) / 1000 AS last,
                told.requests, told.errors, told.queued
            FROM reliability.probe, (SELECT coalesce(sum(good + bad + excluded), 0)::bigint AS requests,
                coalesce(sum((outcomes ->> 'bad:5xx')::bigint), 0)::bigint AS errors, count(*) FILTER (WHERE queue_histogram <> '{}') AS queued,
                    max(minute_at) FILTER (WHERE queue_histogram <> '{}') AS queued_at
                FROM reliability.minute WHERE minute_at > \(sources.now.addingTimeInterval(-86_400)) AND NOT drill) AS told
            WHERE at > now() - interval '1 hour' AND NOT drill GROUP BY told.requests, told.errors, told.queued, told.queued_at
            UNION ALL SELECT NULL, 0, 0, 0, NULL, NULL, 0, 0, 0 ORDER BY probes DESC LIMIT 1
            """)
        let (first, last): (Int64?, Int64?) = (try row.value("first"), try row.value("last"))
        let (providers, queued): (Int64, Int64) = (try row.value("providers"), try row.value("queued"))
        let lacking = [
            first == nil ? "time to the first token" : nil, last == nil ? "time to the last token" : nil, providers == 0 ? "provider health" : nil,
            queued == 0 ? "queue time" : nil,
        ].compactMap(\.self)
        guard let first, let last, lacking.isEmpty, let at = try row.value("at", as: Date?.self) else {
            return .missing("not seen lately: \(lacking.joined(separator: ", "))", at: try row.value("at"))
        }
        let (asked, failed): (Int64, Int64) = (try row.value("probes"), try row.value("failed"))
        return .proven(
            "\(failed) of \(asked) probes of the last hour failed, at \(providers) providers; p95 of the first token \(first) ms, of the last \(last) ms; "
                + "\(try row.value("errors", as: Int64.self)) errors in \(try row.value("requests", as: Int64.self)) requests of a day, with their queue times",
            at: at)
    }

    /// What gateways counted in minutes against what they recorded for each request, over the last whole day of UTC. Probes through public endpoints
    /// have records and are in no minutes.
    @Sendable private static func usage(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let day: SQL = "date_trunc('day', \(sources.now)::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        let counted = try await sources.reliability(
            """
            SELECT coalesce(sum(prompt_tokens), 0)::bigint AS prompts, coalesce(sum(completion_tokens), 0)::bigint AS tokens,
                (SELECT count(*) FROM reliability.minute_aside) AS aside
            FROM reliability.minute WHERE minute_at >= \(day) - interval '1 day' AND minute_at < \(day)
            """)
        let probes = try await ProbeKeys.read(sources.databases.serving)
        let recorded = try await sources.billing(
            """
            SELECT coalesce(sum(prompt_tokens), 0)::bigint AS prompts, coalesce(sum(completion_tokens), 0)::bigint AS tokens, count(*) AS requests,
                (SELECT count(*) FROM billing.usage_quarantine WHERE \(UsageQuarantineResource.isOpen)) AS quarantined, \(day) AS at
            FROM billing.usage_event WHERE kind = 'final' AND accepted_at >= \(day) - interval '1 day' AND accepted_at < \(day)
                AND \(ProbeKeys.isNone(of: probes, "key_id"))
            """)
        let (minutes, records): (Int64, Int64) = (try counted.value("tokens"), try recorded.value("tokens"))
        let (asked, prompts): (Int64, Int64) = (try counted.value("prompts"), try recorded.value("prompts"))
        let (requests, quarantined): (Int64, Int64) = (try recorded.value("requests"), try recorded.value("quarantined"))
        let at: Date = try recorded.value("at")
        guard requests > 0 else { return .missing("nobody asked anything on the last whole day") }
        let aside: Int64 = try counted.value("aside")
        if aside > 0 {
            return .missing(
                "\(aside) minutes that gateways told cannot be counted: the control plane is older than they are, or a clock is ahead", at: at)
        }
        if quarantined > 0 {
            return .missing("\(quarantined) usage records are in quarantine and undecided (plimsoll usage-quarantine list state=open)", at: at)
        }
        guard minutes == records, asked == prompts else {
            return .missing(
                "records of the last whole day hold \(prompts) prompt and \(records) answer tokens, minutes \(asked) and \(minutes)", at: at)
        }
        return .proven(
            "\(prompts) prompt and \(records) answer tokens of \(requests) requests of the last whole day, the same in records and minutes", at: at)
    }

    @Sendable private static func runbook(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT count(*) AS rehearsed, max(reported_at) AS at FROM reliability.incident
            WHERE drill AND reported_at > now() - interval '90 days' AND postmortem IS NOT NULL
            """)
        guard let at = try row.value("at", as: Date?.self) else {
            return .missing("no drill of the last 90 days was taken through to its postmortem")
        }
        return .proven("\(try row.value("rehearsed", as: Int.self)) drills of the last 90 days were taken through to their postmortem", at: at)
    }
}
