import ArgumentParser

enum Tiers: AdminKind {
    static let path = "tiers"
    static let noun = "tier"
    static let columns: [AdminColumn] = [
        "name", "display_name", "requests_per_minute", "tokens_per_minute", "concurrent_requests", "max_prompt_tokens", "max_output_tokens",
    ]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("display_name"),
        .required("capacity_policy", "shared, warm_regional or preallocated"),
        .required("priority", "0 to 100, greater is served first", form: .json),
        .required("max_prompt_tokens", form: .json),
        .required("max_output_tokens", form: .json),
        .required("max_body_bytes", form: .json),
        .required("requests_per_minute", form: .json),
        .required("tokens_per_minute", form: .json),
        .required("concurrent_requests", form: .json),
        .required("max_table_age_seconds", "how long keys stay good on a gateway that is cut off", form: .json),
        .required("ttft_objective_microseconds", form: .json),
        .optional("ttlt_objective_microseconds", "to the last of 256 tokens", form: .json),
        .optional("floor_percent", "least share of what is served, 0 to 50", form: .json),
        .optional("queue_requests", "that may wait for one model at one gateway", form: .json),
        .optional("queue_bytes", form: .json),
        .optional("queue_wait_microseconds", "longest wait; null: up to the objective", form: .json),
        .optional("burst_percent", "of a worker's slots, kept free of lesser tiers", form: .json),
        .optional("reserved_percent", "of a worker's slots, for this tier alone; with preallocated", form: .json),
        .optional("tenant_share_percent", "of a worker's slots and KV cache, for one tenant", form: .json),
        .optional("hedge_ppm", "requests with a late first token that a second worker is asked too, parts per million", form: .json),
        .optional("continues_streams", "true: broken streams go on at another worker where that is exact", form: .json),
        .optional("batch_deadline_seconds", "to the end of a batch answer", form: .json),
        .optional("micro_batch_window_ms", "wait for others at a busy worker, 0 to 25; null: 10 where shared, else 0", form: .json),
        .optional("anomaly_throttle_ppm", "share of the limits of a minute while it behaves unlike itself; null: an alarm alone", form: .json),
        .optional("monthly_minimum_micro_usd", form: .json),
        .optional("burst_requests", "at once; null: as many as a minute has", form: .json),
        .optional("burst_tokens", form: .json),
        .optional("tokens_per_day", "of a tenant, UTC; null: no limit", form: .json),
        .optional("tokens_per_month", form: .json),
        .optional("spend_per_month_micro_usd", "10^-6 US dollars", form: .json),
    ]
}

struct TiersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tiers", abstract: "What customers may buy, with its caps and quotas.",
        subcommands: [ListVerb<Tiers>.self, GetVerb<Tiers>.self, CreateVerb<Tiers>.self, UpdateVerb<Tiers>.self, DeleteVerb<Tiers>.self])
}
