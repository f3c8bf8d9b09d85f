import Postgres

/// Probes as they were told, what they say of minutes, and what they cost.
enum ProbeResource {
    private static let listing = Listing(
        document: """
            json_build_object('id', r.id, 'at', serving.wire_time(r.at), 'kind', r.kind, 'gateway', r.gateway_id, 'worker', r.worker_id,
                'provider', r.provider, 'model', r.model, 'region', r.region, 'succeeded', r.succeeded, 'fault', r.fault, 'status', r.status,
                'first_token_after', r.ttft_us, 'last_token_after', r.ttlt_us, 'name_lookup', r.name_lookup_us, 'connect', r.connect_us,
                'tls', r.tls_us, 'link_round_trip', r.link_rtt_us, 'prompt_tokens', r.prompt_tokens,
                'completion_tokens', r.completion_tokens, 'stand_in', r.stand_in, 'drill', r.drill)
            """,
        source: "reliability.probe AS r", order: "r.at", usualOrder: .descending,
        filters: [
            .text("model", "r.model"), .text("region", "r.region"), .text("provider", "r.provider"), .uuid("worker", "r.worker_id"),
            .choice("kind", "r.kind", ["worker", "outside"]), .choice("succeeded", "r.succeeded::text", ["true", "false"]),
            .text("fault", "r.fault"), .since("r.at"), .until("r.at"),
        ])

    static let list = AdminRoute.read("probes") { call, databases in
        try await listing.page(call, databases.reliability, names: databases.serving)
    }

    private static let verdicts = Listing(
        document: """
            json_build_object('minute_at', serving.wire_time(r.minute_at), 'model', r.model, 'region', r.region, 'successes', r.successes,
                'failures', r.failures, 'verdict', r.verdict)
            """,
        source: "reliability.probe_verdict AS r", order: "r.minute_at", id: "concat_ws(' ', r.model, r.region)", idType: "text",
        usualOrder: .descending,
        filters: [
            .text("model", "r.model"), .text("region", "r.region"), .text("verdict", "r.verdict"), .since("r.minute_at"), .until("r.minute_at"),
        ])

    static let verdictList = AdminRoute.read("probe-verdicts") { call, databases in
        try await verdicts.page(call, databases.reliability, names: databases.serving)
    }

    /// Of a worker's hour each probe costs the share of one of its places for the time that it held it, at what hosts cost now.
    private static let costs = Listing(
        document: """
            json_build_object('day', r.day, 'source', r.kind, 'provider', nullif(r.provider, ''), 'model', r.model, 'region', r.region,
                'probes', r.probes, 'prompt_tokens', r.prompt_tokens, 'completion_tokens', r.completion_tokens,
                'held_seconds', round(r.held_us / 1000000.0, 3),
                'cost_micro_usd', round(place.micro_usd_per_hour * r.held_us / 3600000000)::bigint)
            """,
        source: """
            reliability.probe_cost AS r LEFT JOIN LATERAL (
                SELECT avg(pools.hour_price_micro_usd::numeric / worker.slots) AS micro_usd_per_hour FROM serving.workers AS worker
                JOIN serving.releases ON releases.name = worker.release JOIN serving.hosts ON hosts.id = worker.host_id
                JOIN serving.pools ON pools.name = hosts.pool
                WHERE worker.accepted AND worker.slots > 0 AND releases.model = r.model AND hosts.region = r.region
                    AND (r.provider = '' OR pools.provider = r.provider)) AS place ON true
            """,
        order: "r.day", orderType: "date", id: "concat_ws(' ', r.kind, r.provider, r.model, r.region)", idType: "text", usualOrder: .descending,
        filters: [
            .choice("source", "r.kind", ["worker", "outside"]), .text("provider", "r.provider"), .text("model", "r.model"),
            .text("region", "r.region"), .since("(r.day::timestamp AT TIME ZONE 'UTC')"), .until("(r.day::timestamp AT TIME ZONE 'UTC')"),
        ])

    /// With the first day of which they are known, so that nobody takes those before it for free.
    static let costList = AdminRoute.read("probe-costs") { call, databases in
        var answer = try await costs.page(call, databases.serving)
        let first = try await databases.serving.queryOne("SELECT min(day)::text AS day FROM reliability.probe_cost")?.value("day", as: String?.self)
        answer.body = "{\"measured_from\":\((first ?? nil).map(AdminJSON.string) ?? "null"),\(answer.body.dropFirst())"
        return answer
    }
}
