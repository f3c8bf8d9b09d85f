-- Limits by day, month and money, agreed bursts, keys that rotate with an overlap, and versions of prices, which money limits and bills rest on.

ALTER TABLE serving.tiers
    -- At once, above the steady rate; NULL: as many as a minute has.
    ADD COLUMN burst_requests integer,
    ADD COLUMN burst_tokens integer,
    -- Of a tenant, in UTC; NULL: no limit.
    ADD COLUMN tokens_per_day bigint,
    ADD COLUMN tokens_per_month bigint,
    ADD COLUMN spend_per_month_micro_usd bigint,
    ADD CONSTRAINT tiers_burst_requests CHECK (burst_requests BETWEEN 1 AND 10000000),
    ADD CONSTRAINT tiers_burst_tokens CHECK (burst_tokens BETWEEN 1 AND 2000000000),
    ADD CONSTRAINT tiers_tokens_per_day CHECK (tokens_per_day BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT tiers_tokens_per_month CHECK (tokens_per_month BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT tiers_spend_per_month CHECK (spend_per_month_micro_usd BETWEEN 1 AND 1000000000000);

ALTER TABLE serving.tenants
    -- NULL: the tier's.
    ADD COLUMN tokens_per_day bigint,
    ADD COLUMN tokens_per_month bigint,
    ADD COLUMN spend_per_month_micro_usd bigint,
    ADD CONSTRAINT tenants_tokens_per_day CHECK (tokens_per_day BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT tenants_tokens_per_month CHECK (tokens_per_month BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT tenants_spend_per_month CHECK (spend_per_month_micro_usd BETWEEN 1 AND 1000000000000);

ALTER TABLE serving.api_keys
    ADD COLUMN burst_requests integer,
    ADD COLUMN burst_tokens integer,
    -- NULL: only the tenant's.
    ADD COLUMN tokens_per_day bigint,
    ADD COLUMN tokens_per_month bigint,
    ADD COLUMN spend_per_month_micro_usd bigint,
    -- The secret from before the last rotation, and until when it is good.
    ADD COLUMN previous_sha256 serving.sha256,
    ADD COLUMN previous_expires_at timestamptz,
    ADD CONSTRAINT api_keys_burst_requests CHECK (burst_requests BETWEEN 1 AND 10000000),
    ADD CONSTRAINT api_keys_burst_tokens CHECK (burst_tokens BETWEEN 1 AND 2000000000),
    ADD CONSTRAINT api_keys_tokens_per_day CHECK (tokens_per_day BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT api_keys_tokens_per_month CHECK (tokens_per_month BETWEEN 1 AND 1000000000000000),
    ADD CONSTRAINT api_keys_spend_per_month CHECK (spend_per_month_micro_usd BETWEEN 1 AND 1000000000000),
    ADD CONSTRAINT api_keys_previous CHECK ((previous_sha256 IS NULL) = (previous_expires_at IS NULL));

-- A version holds from its beginning to that of the next one for the same model, tier and service class: so versions never overlap.
CREATE TABLE serving.price_versions (
    version bigint GENERATED ALWAYS AS IDENTITY,
    model text NOT NULL,
    tier text NOT NULL,
    service_class text NOT NULL DEFAULT 'interactive',
    effective_from timestamptz NOT NULL,
    -- Integer 10^-12 US dollars for one token.
    prompt_price_pico_usd bigint NOT NULL,
    cached_prompt_price_pico_usd bigint NOT NULL,
    completion_price_pico_usd bigint NOT NULL,
    reason serving.reason,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT price_versions_pkey PRIMARY KEY (version),
    CONSTRAINT price_versions_effective_from_key UNIQUE (model, tier, service_class, effective_from),
    CONSTRAINT price_versions_model_fkey FOREIGN KEY (model) REFERENCES serving.models (name),
    CONSTRAINT price_versions_tier_fkey FOREIGN KEY (tier) REFERENCES serving.tiers (name),
    CONSTRAINT price_versions_service_class CHECK (service_class IN ('interactive', 'batch')),
    CONSTRAINT price_versions_whole_seconds CHECK (effective_from = date_trunc('second', effective_from)),
    CONSTRAINT price_versions_prices CHECK (
        prompt_price_pico_usd BETWEEN 0 AND 1000000000000 AND cached_prompt_price_pico_usd BETWEEN 0 AND 1000000000000
        AND completion_price_pico_usd BETWEEN 0 AND 1000000000000),
    CONSTRAINT price_versions_actor CHECK (char_length(actor) BETWEEN 1 AND 200)
);

CREATE FUNCTION serving.refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'price versions are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER price_versions_immutable BEFORE UPDATE OR DELETE ON serving.price_versions
    FOR EACH ROW EXECUTE FUNCTION serving.refuse_price_change();
CREATE TRIGGER price_versions_no_truncate BEFORE TRUNCATE ON serving.price_versions
    FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_price_change();

-- With the instant at which each version ends.
CREATE VIEW serving.prices AS
SELECT *, lead(effective_from) OVER (PARTITION BY model, tier, service_class ORDER BY effective_from) AS effective_until
FROM serving.price_versions;

CREATE TRIGGER price_versions_changed AFTER INSERT ON serving.price_versions
    FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

GRANT SELECT, INSERT ON serving.price_versions TO plimsoll_serving;
GRANT SELECT ON serving.prices TO plimsoll_serving;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA serving TO plimsoll_serving;
GRANT SELECT ON serving.price_versions, serving.prices TO plimsoll_billing;

-- The version that held when the request was accepted; NULL: none did, or a gateway of an earlier release served it.
ALTER TABLE billing.usage_event ADD COLUMN price_version bigint;
