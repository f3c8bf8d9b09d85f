import Postgres

/// Probes as they were told.
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
}
