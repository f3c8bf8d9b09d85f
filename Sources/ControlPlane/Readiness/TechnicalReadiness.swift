import FoundationEssentials
import Postgres

/// The ten technical lines, each by what the installation itself has seen.
enum TechnicalReadiness {
    static let lines = [
        ReadinessLine("image-hash", .technical, "Every release that serves has an image of a known digest", check: image),
        ReadinessLine("streaming", .technical, "Runtimes stream reliably", check: streaming),
        ReadinessLine("chat-endpoint", .technical, "The gateway answers chat completions at the public endpoint", check: endpoint),
        ReadinessLine("limits", .technical, "Keys, quotas and rate limits are enforced at the gateway", check: limits),
        ReadinessLine("two-providers", .technical, "Two providers are in rotation", check: providers),
        ReadinessLine("fallback-drill", .technical, "The fallback was tested under a synthetic failure", check: fallback),
        ReadinessLine("probes", .technical, "Probes show latency, errors, queue time and provider health", check: probes),
        ReadinessLine("prompt-logging", .technical, "Prompts are not logged", check: logging),
        ReadinessLine("usage-match", .technical, "Usage records match token counts", check: usage),
        ReadinessLine("runbook", .technical, "The incident runbook was rehearsed", check: runbook),
    ]

    @Sendable private static func image(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            SELECT count(DISTINCT releases.name) AS served, count(DISTINCT releases.name) FILTER (WHERE releases.image_digest IS NULL) AS without,
                coalesce(string_agg(DISTINCT releases.name, ', ') FILTER (WHERE releases.image_digest IS NULL), '') AS names,
                max(workers.last_reported_at) AS at
            FROM serving.workers JOIN serving.releases ON releases.name = workers.release
            WHERE workers.accepted AND workers.retired_at IS NULL AND releases.state = 'active'
            """)
        let (served, without): (Int, Int) = (try row.value("served"), try row.value("without"))
        guard served > 0, let at = try row.value("at", as: Date?.self) else { return .missing("no worker serves a release") }
        if without > 0 { return .missing("served without the digest of an image: \(try row.value("names", as: String.self))", at: at) }
        return .proven("\(served) served releases, all with the digest of their image", at: at)
    }

    @Sendable private static func streaming(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT coalesce(sum(streams), 0)::bigint AS streams,
                coalesce(sum(coalesce((outcomes ->> 'bad:stream_broken')::bigint, 0)), 0)::bigint AS broken, max(minute_at) AS at
            FROM reliability.minute WHERE minute_at > now() - interval '7 days' AND NOT drill AND streams > 0
            """)
        let (streams, broken): (Int64, Int64) = (try row.value("streams"), try row.value("broken"))
        guard streams >= 100, let at = try row.value("at", as: Date?.self) else {
            return .missing("only \(streams) streams in 7 days; 100 are needed to tell", at: try row.value("at"))
        }
        let words = "\(broken) of \(streams) streams of the last 7 days were broken by us"
        return broken * 1_000 <= streams * 2 ? .proven(words, at: at) : .missing("\(words); at most 0.2 % may be", at: at)
    }

    @Sendable private static func endpoint(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT max(at) FILTER (WHERE succeeded) AS at, count(*) AS asked, count(*) FILTER (WHERE succeeded) AS answered,
                coalesce(max(at) FILTER (WHERE succeeded) > now() - interval '1 hour', false) AS is_fresh
            FROM reliability.probe WHERE kind = 'outside' AND at > now() - interval '1 day' AND NOT drill
            """)
        guard let at = try row.value("at", as: Date?.self) else { return .missing("no probe through the public endpoint was answered in a day") }
        let words = "\(try row.value("answered", as: Int64.self)) of \(try row.value("asked", as: Int64.self)) outside probes answered in a day"
        return try row.value("is_fresh") ? .proven(words, at: at) : .missing("\(words), none in the last hour", at: at)
    }

    @Sendable private static func limits(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT coalesce(sum(coalesce((outcomes ->> 'excluded:quota')::bigint, 0)), 0)::bigint AS refused, max(minute_at) AS at
            FROM reliability.minute WHERE minute_at > now() - interval '60 days' AND outcomes ? 'excluded:quota'
            """)
        guard let at = try row.value("at", as: Date?.self) else {
            return .missing("no gateway has refused a request above a limit in 60 days: send more than a key may, and look again")
        }
        return .proven("\(try row.value("refused", as: Int64.self)) requests above limits were refused in 60 days", at: at)
    }

    @Sendable private static func providers(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let sold = try await sources.databases.serving.query("SELECT DISTINCT model FROM serving.skus WHERE state = 'active'")
        guard !sold.isEmpty else { return .missing("nothing is sold: no SKU is active") }
        let rows = try await sources.databases.reliability.query(
            """
            SELECT model, count(DISTINCT provider) AS providers, max(at) AS at FROM reliability.probe
            WHERE kind = 'worker' AND succeeded AND provider <> '' AND at > now() - interval '10 minutes' AND NOT drill GROUP BY model
            """)
        var seen: [String: (count: Int, at: Date)] = [:]
        for row in rows { seen[try row.value("model")] = (try row.value("providers"), try row.value("at")) }
        var (short, at): ([String], Date) = ([], .distantFuture)
        for row in sold {
            let model: String = try row.value("model")
            if seen[model].map({ $0.count < 2 }) ?? true { short.append("\(model) (\(seen[model]?.count ?? 0))") }
            at = min(at, seen[model]?.at ?? .distantFuture)
        }
        if !short.isEmpty { return .missing("below two providers that answered a probe in ten minutes: \(short.sorted().joined(separator: ", "))") }
        return .proven("each of \(sold.count) sold models has two providers or more that answered a probe in ten minutes", at: at)
    }

    /// A drill that took a provider or a worker away, and whose report says that the promise held.
    @Sendable private static func fallback(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            SELECT count(*) AS drills, count(*) FILTER (WHERE held) AS held, max(reported_at) FILTER (WHERE held) AS at, max(reported_at) AS last
            FROM reliability.drill WHERE kind IN ('provider-loss', 'worker-loss') AND reported_at > now() - interval '30 days'
            """)
        let words =
            "the promise held in \(try row.value("held", as: Int.self)) of \(try row.value("drills", as: Int.self)) losses rehearsed in 30 days"
        if let at = try row.value("at", as: Date?.self) { return .proven(words, at: at) }
        guard let last = try row.value("last", as: Date?.self) else {
            return .missing("no loss was rehearsed in the last 30 days (plimsoll drill provider-loss)")
        }
        return .missing(words, at: last)
    }

    @Sendable private static func probes(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT max(at) FILTER (WHERE ttft_us IS NOT NULL) AS at,
                concat_ws(', ', CASE WHEN count(ttft_us) = 0 THEN 'time to the first token' END,
                    CASE WHEN count(ttlt_us) = 0 THEN 'time to the last token' END,
                    CASE WHEN count(*) FILTER (WHERE provider <> '') = 0 THEN 'provider health' END,
                    CASE WHEN NOT EXISTS (SELECT 1 FROM reliability.minute WHERE minute_at > now() - interval '1 day'
                        AND queue_histogram <> '{}') THEN 'queue time' END) AS lacking
            FROM reliability.probe WHERE at > now() - interval '1 hour' AND NOT drill
            """)
        let lacking: String = try row.value("lacking")
        guard lacking.isEmpty, let at = try row.value("at", as: Date?.self) else {
            return .missing("not seen lately: \(lacking)", at: try row.value("at"))
        }
        return .proven("probes of the last hour show both latencies and each provider; minutes show errors and queue time", at: at)
    }

    /// Nothing stores text but a capture that a tenant asked for, and those end by themselves.
    @Sendable private static func logging(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            SELECT count(*) FILTER (WHERE erased_at IS NULL AND expires_at > now()) AS open,
                count(*) FILTER (WHERE erased_at IS NULL AND expires_at < now() - interval '10 minutes') AS overdue, now() AS at FROM serving.captures
            """)
        let (open, overdue): (Int, Int) = (try row.value("open"), try row.value("overdue"))
        if overdue > 0 { return .missing("\(overdue) debug captures have expired and are not erased", at: try row.value("at")) }
        return .proven("nothing keeps prompts but debug captures by a tenant's own consent; \(open) are open, none overdue", at: try row.value("at"))
    }

    /// What gateways counted in minutes against what they recorded for each request, over the last whole day of UTC.
    @Sendable private static func usage(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let day: SQL = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        let counted = try await sources.reliability(
            """
            SELECT coalesce(sum(completion_tokens), 0)::bigint AS tokens, coalesce(sum(good + bad + excluded), 0)::bigint AS requests
            FROM reliability.minute WHERE minute_at >= \(day) - interval '1 day' AND minute_at < \(day)
            """)
        let recorded = try await sources.billing(
            """
            SELECT coalesce(sum(completion_tokens), 0)::bigint AS tokens, count(*) AS requests,
                (SELECT count(*) FROM billing.usage_quarantine) AS quarantined, \(day) AS at
            FROM billing.usage_event WHERE accepted_at >= \(day) - interval '1 day' AND accepted_at < \(day)
            """)
        let (minutes, records): (Int64, Int64) = (try counted.value("tokens"), try recorded.value("tokens"))
        let (requests, quarantined): (Int64, Int64) = (try recorded.value("requests"), try recorded.value("quarantined"))
        let at: Date = try recorded.value("at")
        guard requests > 0 else { return .missing("nobody asked anything on the last whole day") }
        if quarantined > 0 { return .missing("\(quarantined) usage records are in quarantine", at: at) }
        guard minutes == records else { return .missing("records of the last whole day hold \(records) answer tokens, minutes \(minutes)", at: at) }
        return .proven("\(records) answer tokens of \(requests) requests of the last whole day, the same in records and minutes", at: at)
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
