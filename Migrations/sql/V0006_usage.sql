-- One row for every admitted request, whatever became of it: stored once although it may be sent many times.

CREATE TABLE billing.usage_event (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'final',
    accepted_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    key_id uuid NOT NULL,
    tier text NOT NULL,
    model text NOT NULL,
    release text,
    region text NOT NULL,
    -- Internal: no customer sees these two.
    worker_id uuid,
    provider text,
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    sequence bigint NOT NULL,
    stream boolean NOT NULL,
    -- As the customer saw it; 0: left before one was sent.
    status integer NOT NULL,
    outcome text NOT NULL,
    finish_reason text,
    error_code text,
    first_token_after_us bigint,
    finished_after_us bigint NOT NULL,
    queued_for_us bigint NOT NULL,
    prompt_tokens integer NOT NULL,
    cached_prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    reasoning_tokens integer NOT NULL,
    billable_prompt_tokens integer NOT NULL,
    billable_completion_tokens integer NOT NULL,
    estimated boolean NOT NULL,
    attempts integer NOT NULL,
    payload_sha256 bytea NOT NULL,
    CONSTRAINT usage_event_pkey PRIMARY KEY (tenant_id, request_id, kind, accepted_at),
    CONSTRAINT usage_event_kind CHECK (kind IN ('final', 'correction')),
    CONSTRAINT usage_event_names CHECK (
        char_length(tier) <= 63 AND char_length(model) <= 127 AND char_length(release) <= 127 AND char_length(region) <= 63
        AND char_length(provider) <= 63 AND char_length(boot_id) <= 64 AND char_length(outcome) <= 64 AND char_length(finish_reason) <= 64
        AND char_length(error_code) <= 64),
    CONSTRAINT usage_event_status CHECK (status BETWEEN 0 AND 599),
    CONSTRAINT usage_event_durations CHECK (first_token_after_us >= 0 AND finished_after_us >= 0 AND queued_for_us >= 0),
    CONSTRAINT usage_event_tokens CHECK (
        prompt_tokens >= 0 AND cached_prompt_tokens >= 0 AND completion_tokens >= 0 AND reasoning_tokens >= 0
        AND billable_prompt_tokens >= 0 AND billable_completion_tokens >= 0),
    CONSTRAINT usage_event_attempts CHECK (attempts BETWEEN 0 AND 1000),
    CONSTRAINT usage_event_payload CHECK (octet_length(payload_sha256) = 32)
) PARTITION BY RANGE (accepted_at);
CREATE INDEX usage_event_request ON billing.usage_event (request_id);
CREATE INDEX usage_event_page ON billing.usage_event (accepted_at, request_id);
CREATE INDEX usage_event_tenant ON billing.usage_event (tenant_id, accepted_at);

-- Not partitioned, so that a record sent again with another time still collides. Kept 400 days.
CREATE TABLE billing.usage_key (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL,
    payload_sha256 bytea NOT NULL,
    accepted_at timestamptz NOT NULL,
    CONSTRAINT usage_key_pkey PRIMARY KEY (tenant_id, request_id, kind)
);
CREATE INDEX usage_key_accepted ON billing.usage_key (accepted_at);

-- What a person must look at: another content under a known key, or a time out of bounds. The first record stands.
CREATE TABLE billing.usage_quarantine (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    received_at timestamptz NOT NULL DEFAULT now(),
    gateway_id uuid,
    reason text NOT NULL,
    request_id text NOT NULL,
    payload_sha256 bytea NOT NULL,
    payload jsonb NOT NULL,
    CONSTRAINT usage_quarantine_pkey PRIMARY KEY (id),
    CONSTRAINT usage_quarantine_once UNIQUE (request_id, payload_sha256),
    CONSTRAINT usage_quarantine_reason CHECK (char_length(reason) BETWEEN 3 AND 64),
    CONSTRAINT usage_quarantine_request CHECK (char_length(request_id) <= 128),
    CONSTRAINT usage_quarantine_payload CHECK (pg_column_size(payload) <= 16384)
);

GRANT SELECT, INSERT ON billing.usage_event, billing.usage_key, billing.usage_quarantine TO plimsoll_billing;
