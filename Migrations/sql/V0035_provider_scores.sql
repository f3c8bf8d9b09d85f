-- What a provider's score is made of and what it is; what models are probed with; who stands for a SKU that is not proven.

-- What a gateway asks a model's workers, and what the answer must contain; NULL: its usual question, and any text.
ALTER TABLE serving.models ADD COLUMN probe_prompt text, ADD COLUMN probe_answer text,
    ADD CONSTRAINT models_probe CHECK (char_length(probe_prompt) BETWEEN 1 AND 500 AND char_length(probe_answer) BETWEEN 1 AND 200),
    ADD CONSTRAINT models_probe_answer CHECK (probe_answer IS NULL OR probe_prompt IS NOT NULL);

-- Who gave the reason, and who else put the SKU into force by it.
ALTER TABLE serving.skus ADD COLUMN override_requested_by text, ADD COLUMN override_approved_by text,
    ADD CONSTRAINT skus_override_people CHECK (
        char_length(override_requested_by) BETWEEN 1 AND 200 AND char_length(override_approved_by) BETWEEN 1 AND 200);

-- Hosts that fell silent: with time to drain, or not.
CREATE TABLE reliability.host_loss (
    host_id uuid NOT NULL,
    provider text NOT NULL,
    lost_at timestamptz NOT NULL,
    drained boolean NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT host_loss_pkey PRIMARY KEY (host_id, lost_at)
);
CREATE INDEX host_loss_provider ON reliability.host_loss (provider, lost_at);

-- Every price that a pool had.
CREATE TABLE reliability.pool_price (
    pool text NOT NULL,
    provider text NOT NULL,
    at timestamptz NOT NULL,
    hour_price_micro_usd bigint NOT NULL,
    CONSTRAINT pool_price_pkey PRIMARY KEY (pool, at)
);
CREATE INDEX pool_price_provider ON reliability.pool_price (provider, at);
INSERT INTO reliability.pool_price (pool, provider, at, hour_price_micro_usd)
SELECT name, provider, created_at, hour_price_micro_usd FROM serving.pools WHERE hour_price_micro_usd IS NOT NULL;

CREATE FUNCTION reliability.note_pool_price() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.hour_price_micro_usd IS NOT NULL THEN
        INSERT INTO reliability.pool_price (pool, provider, at, hour_price_micro_usd)
        VALUES (NEW.name, NEW.provider, clock_timestamp(), NEW.hour_price_micro_usd) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION reliability.note_pool_price() FROM PUBLIC;
CREATE TRIGGER pool_priced AFTER INSERT OR UPDATE OF hour_price_micro_usd ON serving.pools
    FOR EACH ROW EXECUTE FUNCTION reliability.note_pool_price();

-- Of each provider as it is now. Floating point: for choices among providers, never for money.
CREATE TABLE reliability.provider_score (
    provider text NOT NULL,
    computed_at timestamptz NOT NULL,
    -- 0 to 100; NULL: no probe for a day.
    points double precision,
    availability double precision NOT NULL,
    latency double precision NOT NULL,
    preemption double precision NOT NULL,
    price double precision NOT NULL,
    success double precision NOT NULL,
    probes bigint NOT NULL,
    clean_probes integer NOT NULL,
    round_trip_us bigint,
    losses integer NOT NULL,
    undrained_losses integer NOT NULL,
    last_probe_at timestamptz,
    last_incident_at timestamptz,
    -- May serve tiers whose promise pays.
    admitted boolean NOT NULL,
    admitted_changed_at timestamptz NOT NULL,
    CONSTRAINT provider_score_pkey PRIMARY KEY (provider),
    CONSTRAINT provider_score_points CHECK (points BETWEEN 0 AND 100),
    CONSTRAINT provider_score_parts CHECK (
        availability BETWEEN 0 AND 1 AND latency BETWEEN 0 AND 1 AND preemption BETWEEN 0 AND 1 AND price BETWEEN 0 AND 1)
);
CREATE TRIGGER provider_admitted AFTER UPDATE ON reliability.provider_score FOR EACH ROW
    WHEN (OLD.admitted IS DISTINCT FROM NEW.admitted) EXECUTE FUNCTION serving.table_changed();
CREATE TRIGGER provider_first_admitted AFTER INSERT ON reliability.provider_score FOR EACH ROW
    WHEN (NEW.admitted) EXECUTE FUNCTION serving.table_changed();

-- The last of each day (UTC).
CREATE TABLE reliability.provider_score_day (
    provider text NOT NULL,
    day date NOT NULL,
    points double precision,
    admitted boolean NOT NULL,
    CONSTRAINT provider_score_day_pkey PRIMARY KEY (provider, day)
);

GRANT SELECT, INSERT ON reliability.host_loss TO plimsoll_reliability;
GRANT SELECT ON reliability.pool_price TO plimsoll_reliability;
GRANT SELECT, INSERT, UPDATE, DELETE ON reliability.provider_score, reliability.provider_score_day TO plimsoll_reliability;
-- For the routing table and for activating SKUs.
GRANT USAGE ON SCHEMA reliability TO plimsoll_serving;
GRANT SELECT ON reliability.provider_score TO plimsoll_serving;

-- Fallbacks of SKUs that were tried under a failure made on purpose.
CREATE TABLE reliability.fallback_drill (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    sku text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    -- The fallback served while the primary did not.
    held boolean NOT NULL,
    reason serving.reason NOT NULL,
    actor text NOT NULL,
    CONSTRAINT fallback_drill_pkey PRIMARY KEY (id),
    CONSTRAINT fallback_drill_sku CHECK (char_length(sku) BETWEEN 1 AND 63),
    CONSTRAINT fallback_drill_actor CHECK (char_length(actor) BETWEEN 1 AND 200)
);
CREATE INDEX fallback_drill_at ON reliability.fallback_drill (at, id);
CREATE INDEX fallback_drill_of ON reliability.fallback_drill (sku, at);
GRANT SELECT, INSERT ON reliability.fallback_drill TO plimsoll_serving;
GRANT SELECT ON reliability.fallback_drill TO plimsoll_reliability;
