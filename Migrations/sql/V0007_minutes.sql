-- Counters of each minute as gateways saw it: the evidence that promises are judged by.

-- Cumulative within a boot of a gateway: the report with the greatest sequence replaces the ones before.
CREATE TABLE reliability.minute (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    sequence bigint NOT NULL,
    tier text NOT NULL,
    -- Requests by outcome, such as {"good": 12, "bad:5xx": 1}.
    outcomes jsonb NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    excluded bigint NOT NULL,
    first_token_samples bigint NOT NULL,
    first_token_over bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    rate_limited bigint NOT NULL,
    disconnects bigint NOT NULL,
    -- Log-linear buckets: index to count.
    first_token_histogram jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT minute_pkey PRIMARY KEY (tenant_id, model, region, minute_at, gateway_id, boot_id),
    CONSTRAINT minute_whole CHECK (extract(epoch FROM minute_at)::bigint % 60 = 0),
    CONSTRAINT minute_names CHECK (
        char_length(model) <= 127 AND char_length(region) <= 63 AND char_length(tier) <= 63 AND char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT minute_counts CHECK (
        good >= 0 AND bad >= 0 AND excluded >= 0 AND first_token_samples >= 0 AND first_token_over BETWEEN 0 AND first_token_samples
        AND prompt_tokens >= 0 AND completion_tokens >= 0 AND rate_limited >= 0 AND disconnects >= 0),
    CONSTRAINT minute_documents CHECK (pg_column_size(outcomes) <= 8192 AND pg_column_size(first_token_histogram) <= 131072)
) PARTITION BY RANGE (minute_at);
CREATE INDEX minute_time ON reliability.minute (minute_at, tenant_id);

GRANT SELECT, INSERT, UPDATE ON reliability.minute TO plimsoll_reliability;
