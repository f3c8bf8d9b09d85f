import FoundationEssentials
import PlimsollWire
import Postgres

/// Usage records as the columns of one INSERT.
struct UsageColumns {
    let statement: SQL

    init(_ arrivals: [UsageIntake.Arrival]) {
        let records = arrivals.map(\.record)
        let workers = records.map { $0.worker.flatMap { UUID(uuidString: $0) } }
        statement = """
            INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, provider,
                gateway_id, boot_id, sequence, stream, status, outcome, finish_reason, error_code, first_token_after_us, finished_after_us,
                queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens, billable_prompt_tokens,
                billable_completion_tokens, estimated, attempts, batch_deadline_us, payload_sha256, continued, price_version, retrieval_us,
                leased_for_us)
            SELECT row.tenant_id, row.request_id, to_timestamp(row.accepted_at / 1000000.0), row.key_id, row.tier, row.model, row.release,
                row.region, row.worker_id, row.provider, row.gateway_id, row.boot_id, row.sequence, row.stream, row.status, row.outcome,
                row.finish_reason, row.error_code, row.first_token, row.finished, row.queued, row.prompt, row.cached, row.completion,
                row.reasoning, row.billable_prompt, row.billable_completion, row.estimated, row.attempts,
                row.batch_deadline, row.hash, row.continued, row.price, row.retrieval, row.leased
            FROM unnest(\(arrivals.map(\.key.tenant))::uuid[], \(arrivals.map(\.key.request))::uuid[], \(records.map(\.acceptedAt))::bigint[],
                \(arrivals.map(\.keyId))::uuid[], \(records.map(\.tier))::text[], \(records.map(\.model))::text[],
                \(records.map(\.release))::text[], \(records.map(\.region))::text[], \(workers)::uuid[], \(records.map(\.provider))::text[],
                \(arrivals.map(\.gateway))::uuid[], \(records.map(\.boot))::text[], \(records.map(\.sequence))::bigint[],
                \(records.map(\.stream))::boolean[], \(records.map(\.status))::integer[], \(records.map(\.outcome))::text[],
                \(Self.tail(arrivals)))
                AS row (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, provider, gateway_id, boot_id,
                    sequence, stream, status, outcome, finish_reason, error_code, first_token, finished, queued, prompt, cached, completion,
                    reasoning, billable_prompt, billable_completion, estimated, attempts, batch_deadline, hash, continued, price, retrieval, leased)
            """
    }

    /// In two parts only because the type checker takes its time with one.
    private static func tail(_ arrivals: [UsageIntake.Arrival]) -> SQL {
        let records = arrivals.map(\.record)
        return """
            \(records.map(\.finishReason))::text[], \(records.map(\.errorCode))::text[], \(records.map(\.firstTokenAfter))::bigint[],
            \(records.map(\.finishedAfter))::bigint[], \(records.map(\.queuedFor))::bigint[], \(records.map(\.promptTokens))::integer[],
            \(records.map(\.cachedPromptTokens))::integer[], \(records.map(\.completionTokens))::integer[],
            \(records.map(\.reasoningTokens))::integer[], \(records.map(\.billablePromptTokens))::integer[],
            \(records.map(\.billableCompletionTokens))::integer[], \(records.map(\.estimated))::boolean[],
            \(records.map(\.attempts))::integer[], \(records.map(\.batchDeadline))::bigint[], \(arrivals.map(\.hash))::bytea[],
            \(records.map { $0.continued ?? false })::boolean[],
            \(records.map(\.priceVersion))::bigint[], \(records.map(\.retrieval))::bigint[],
            \(records.map { $0.leasedFor ?? 0 })::bigint[]
            """
    }
}
