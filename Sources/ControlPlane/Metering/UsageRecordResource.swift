import FoundationEssentials
import Postgres

/// Usage records as they were taken in; written by gateways only.
enum UsageRecordResource {
    private static let listing = Listing(
        document: """
            json_build_object('request_id', r.request_id, 'kind', r.kind, 'tenant', r.tenant_id, 'key', r.key_id, 'tier', r.tier,
                'model', r.model, 'release', r.release, 'region', r.region, 'worker', r.worker_id, 'provider', r.provider,
                'gateway', r.gateway_id, 'boot', r.boot_id, 'sequence', r.sequence,
                'accepted_at', (extract(epoch FROM r.accepted_at) * 1000000)::bigint, 'received_at', serving.wire_time(r.received_at),
                'first_token_after', r.first_token_after_us, 'finished_after', r.finished_after_us, 'queued_for', r.queued_for_us,
                'stream', r.stream, 'status', r.status, 'outcome', r.outcome, 'finish_reason', r.finish_reason, 'error_code', r.error_code,
                'prompt_tokens', r.prompt_tokens, 'cached_prompt_tokens', r.cached_prompt_tokens, 'completion_tokens', r.completion_tokens,
                'reasoning_tokens', r.reasoning_tokens, 'billable_prompt_tokens', r.billable_prompt_tokens,
                'billable_completion_tokens', r.billable_completion_tokens, 'estimated', r.estimated, 'attempts', r.attempts,
                'batch_deadline', r.batch_deadline_us, 'continued', r.continued, 'price_version', r.price_version,
                'retrieval', r.retrieval_us, 'leased_for', r.leased_for_us)
            """,
        source: "billing.usage_event AS r", order: "r.accepted_at", id: "r.request_id", usualOrder: .descending,
        filters: [
            .uuid("request_id", "r.request_id"), .reference("tenant", "r.tenant_id", to: .tenants), .text("model", "r.model"),
            .since("r.accepted_at"), .until("r.accepted_at"),
        ])

    /// The record of one request; nil when there is none.
    static func document(of request: UUID, _ billing: PostgresPool) async throws -> String? {
        try await listing.one(where: "r.request_id = \(request)") { try await billing.queryOne($0) }?.document
    }

    static let list = AdminRoute.read("usage-records") { call, databases in
        try await listing.page(call, databases.billing, names: databases.serving)
    }
}
