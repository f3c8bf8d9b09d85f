-- Minutes by provider and tier, with what they lacked; keys for probes and drills; what probes found.

-- While the release before still runs, its reports of minutes are refused for want of its old key: gateways send them again for two hours.
ALTER TABLE reliability.minute
    ADD COLUMN provider text NOT NULL DEFAULT '',
    -- Traffic of a drill, which no promise covers.
    ADD COLUMN drill boolean NOT NULL DEFAULT false,
    ADD COLUMN streams bigint NOT NULL DEFAULT 0,
    ADD COLUMN queue_histogram jsonb NOT NULL DEFAULT '{}',
    -- Answers of 256 tokens; the last histogram is of those of 512.
    ADD COLUMN last_token_samples bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_token_over bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_token_histogram jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN long_last_token_histogram jsonb NOT NULL DEFAULT '{}',
    DROP CONSTRAINT minute_pkey,
    ADD CONSTRAINT minute_pkey PRIMARY KEY (tenant_id, model, region, minute_at, gateway_id, boot_id, tier, provider, drill),
    ADD CONSTRAINT minute_provider CHECK (char_length(provider) <= 63),
    ADD CONSTRAINT minute_more_counts CHECK (streams >= 0 AND last_token_over BETWEEN 0 AND last_token_samples),
    ADD CONSTRAINT minute_more_documents CHECK (
        pg_column_size(queue_histogram) <= 131072 AND pg_column_size(last_token_histogram) <= 131072
        AND pg_column_size(long_last_token_histogram) <= 131072);

ALTER TABLE serving.tiers ADD COLUMN ttlt_objective_microseconds bigint NOT NULL DEFAULT 8000000,
    ADD CONSTRAINT tiers_ttlt_objective CHECK (ttlt_objective_microseconds BETWEEN 1000 AND 3600000000);
-- NULL: a customer's. Nothing is billed for the others.
ALTER TABLE serving.api_keys ADD COLUMN purpose text,
    ADD CONSTRAINT api_keys_purpose CHECK (purpose IN ('probe', 'drill'));

CREATE TABLE reliability.probe (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- Of a gateway at one worker, or of the control plane through a public endpoint.
    kind text NOT NULL,
    gateway_id uuid,
    worker_id uuid,
    provider text NOT NULL DEFAULT '',
    model text NOT NULL,
    region text NOT NULL,
    succeeded boolean NOT NULL,
    fault text,
    -- 0: no answer.
    status integer NOT NULL,
    ttft_us bigint,
    ttlt_us bigint,
    name_lookup_us bigint,
    connect_us bigint,
    tls_us bigint,
    link_rtt_us bigint,
    -- What the probe cost.
    prompt_tokens bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    -- For a gateway that was silent.
    stand_in boolean NOT NULL DEFAULT false,
    drill boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT probe_pkey PRIMARY KEY (id, at),
    CONSTRAINT probe_kind CHECK (kind IN ('worker', 'outside') AND (kind = 'worker') = (worker_id IS NOT NULL)),
    CONSTRAINT probe_fault CHECK (
        succeeded = (fault IS NULL) AND fault IN ('gateway', 'link', 'host', 'runtime', 'answer', 'timeout', 'customer')),
    CONSTRAINT probe_names CHECK (char_length(model) <= 127 AND char_length(region) <= 63 AND char_length(provider) <= 63),
    CONSTRAINT probe_numbers CHECK (
        status BETWEEN 0 AND 999 AND prompt_tokens >= 0 AND completion_tokens >= 0 AND ttft_us >= 0 AND ttlt_us >= 0 AND name_lookup_us >= 0
        AND connect_us >= 0 AND tls_us >= 0 AND link_rtt_us >= 0)
) PARTITION BY RANGE (at);
CREATE INDEX probe_subject ON reliability.probe (model, region, at);
CREATE INDEX probe_worker ON reliability.probe (worker_id, at) WHERE worker_id IS NOT NULL;
CREATE INDEX probe_provider ON reliability.probe (provider, at) WHERE kind = 'worker';
CREATE INDEX probe_time ON reliability.probe (at, id);

-- Probes of workers by provider and day (UTC), for its score; without faults of gateways, which are ours.
CREATE TABLE reliability.probe_day (
    provider text NOT NULL,
    region text NOT NULL,
    day date NOT NULL,
    successes bigint NOT NULL,
    failures bigint NOT NULL,
    link_rtt_us bigint NOT NULL,
    link_rtt_samples bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    CONSTRAINT probe_day_pkey PRIMARY KEY (provider, region, day),
    CONSTRAINT probe_day_counts CHECK (
        successes >= 0 AND failures >= 0 AND link_rtt_us >= 0 AND link_rtt_samples >= 0 AND prompt_tokens >= 0 AND completion_tokens >= 0)
);

-- Minutes with any probe: one success is enough. The minutes are counted as probes are stored, without those of drills and own mistakes.
CREATE VIEW reliability.probe_verdict AS
SELECT model, region, minute_at, successes, failures, CASE WHEN successes > 0 THEN 'good' ELSE 'bad' END AS verdict
FROM reliability.probe_minute WHERE successes + failures > 0;

-- Of each worker when it was last probed, and who stands in for a home gateway that is silent.
CREATE TABLE reliability.probe_state (
    worker_id uuid NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    home_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    -- Failures in a row that are no fault of a link or a gateway.
    failures integer NOT NULL,
    stand_in uuid,
    stand_in_at timestamptz,
    CONSTRAINT probe_state_pkey PRIMARY KEY (worker_id),
    CONSTRAINT probe_state_failures CHECK (failures >= 0)
);
CREATE INDEX probe_state_region ON reliability.probe_state (region, home_at);

GRANT SELECT, INSERT ON reliability.probe TO plimsoll_reliability;
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.probe_day, reliability.probe_state TO plimsoll_reliability;
GRANT SELECT ON reliability.probe_verdict TO plimsoll_reliability;

INSERT INTO upkeep.monthly VALUES ('reliability.probe');
SELECT upkeep.ensure_partitions(3);
