import Postgres

/// Minutes as gateways counted them, added up; written by gateways only.
enum MinuteResource {
    private static let listing = Listing(
        document: """
            json_build_object('minute', extract(epoch FROM r.minute_at)::bigint / 60, 'minute_at', serving.wire_time(r.minute_at),
                'tenant', r.tenant_id, 'tier', r.tier, 'model', r.model, 'region', r.region, 'provider', r.provider, 'drill', r.drill,
                'gateway', nullif(r.gateway_id, '00000000-0000-0000-0000-000000000000'), 'boot', r.boot_id,
                'sequence', r.sequence, 'outcomes', r.outcomes, 'good', r.good, 'bad', r.bad, 'excluded', r.excluded,
                'first_token_samples', r.first_token_samples, 'first_token_over', r.first_token_over, 'prompt_tokens', r.prompt_tokens,
                'completion_tokens', r.completion_tokens, 'rate_limited', r.rate_limited, 'disconnects', r.disconnects,
                'first_token_histogram', r.first_token_histogram, 'streams', r.streams, 'queue_histogram', r.queue_histogram,
                'last_token_samples', r.last_token_samples, 'last_token_over', r.last_token_over,
                'last_token_histogram', r.last_token_histogram, 'long_last_token_histogram', r.long_last_token_histogram,
                'retrieval_histogram', r.retrieval_histogram, 'retrieved_first_token_histogram', r.retrieved_first_token_histogram,
                'retrieved_last_token_histogram', r.retrieved_last_token_histogram)
            """,
        source: "reliability.minute AS r", order: "r.minute_at",
        id: "concat_ws(' ', r.tenant_id, r.model, r.region, r.gateway_id, r.boot_id, r.tier, r.provider, r.drill)", idType: "text",
        usualOrder: .descending,
        filters: [
            .reference("tenant", "r.tenant_id", to: .tenants), .text("tier", "r.tier"), .text("model", "r.model"), .text("region", "r.region"),
            .text("provider", "r.provider"), .since("r.minute_at"), .until("r.minute_at"),
        ])

    static let list = AdminRoute.read("minutes") { call, databases in
        try await listing.page(call, databases.reliability, names: databases.serving)
    }
}
