-- How a tier's requests wait when workers are full, and which workers are for long prompts.

ALTER TABLE serving.tiers
    -- Per cent of what is served that the tier gets at least.
    ADD COLUMN floor_percent integer NOT NULL DEFAULT 5,
    -- For one model at one gateway.
    ADD COLUMN queue_requests integer NOT NULL DEFAULT 512,
    ADD COLUMN queue_bytes integer NOT NULL DEFAULT 67108864,
    -- NULL: up to the objective of the time to the first token, less what the prompt takes.
    ADD COLUMN queue_wait_microseconds bigint,
    -- Per cent of a worker's slots that tiers of less priority leave free.
    ADD COLUMN burst_percent integer NOT NULL DEFAULT 0,
    -- Per cent of a worker's slots and KV cache that one tenant may hold.
    ADD COLUMN tenant_share_percent integer NOT NULL DEFAULT 100,
    -- From acceptance to the end of a batch answer.
    ADD COLUMN batch_deadline_seconds integer NOT NULL DEFAULT 900,
    ADD CONSTRAINT tiers_floor_percent CHECK (floor_percent BETWEEN 0 AND 50),
    ADD CONSTRAINT tiers_queue_requests CHECK (queue_requests BETWEEN 1 AND 100000),
    ADD CONSTRAINT tiers_queue_bytes CHECK (queue_bytes BETWEEN 1048576 AND 1073741824),
    ADD CONSTRAINT tiers_queue_wait CHECK (queue_wait_microseconds BETWEEN 1000 AND 600000000),
    ADD CONSTRAINT tiers_burst_percent CHECK (burst_percent BETWEEN 0 AND 50),
    ADD CONSTRAINT tiers_tenant_share_percent CHECK (tenant_share_percent BETWEEN 1 AND 100),
    ADD CONSTRAINT tiers_batch_deadline CHECK (batch_deadline_seconds BETWEEN 1 AND 86400);

ALTER TABLE serving.pools
    ADD COLUMN context_class text NOT NULL DEFAULT 'standard',
    ADD CONSTRAINT pools_context_class CHECK (context_class IN ('standard', 'long'));

ALTER TABLE serving.models
    -- Prompts of more tokens go to pools of the class 'long', where there are any. NULL: all prompts go everywhere.
    ADD COLUMN long_context_tokens integer,
    ADD CONSTRAINT models_long_context CHECK (long_context_tokens BETWEEN 1 AND 10000000);

-- Of a batch request, when its answer was to be delivered, after acceptance. NULL: interactive.
ALTER TABLE billing.usage_event
    ADD COLUMN batch_deadline_us bigint,
    ADD CONSTRAINT usage_event_batch_deadline CHECK (batch_deadline_us > 0);
