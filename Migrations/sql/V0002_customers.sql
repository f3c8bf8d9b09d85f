-- Tiers, tenants and their keys: who may ask, for how much. A tier without caps and quotas cannot be written.

CREATE TABLE serving.tiers (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    display_name serving.label NOT NULL,
    state text NOT NULL DEFAULT 'active',
    capacity_policy text NOT NULL,
    -- Greater is served first.
    priority integer NOT NULL,
    max_prompt_tokens integer NOT NULL,
    max_output_tokens integer NOT NULL,
    max_body_bytes integer NOT NULL,
    requests_per_minute integer NOT NULL,
    tokens_per_minute integer NOT NULL,
    concurrent_requests integer NOT NULL,
    max_table_age_seconds integer NOT NULL,
    ttft_objective_microseconds bigint NOT NULL,
    monthly_minimum_micro_usd bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT tiers_pkey PRIMARY KEY (id),
    CONSTRAINT tiers_name_key UNIQUE (name),
    CONSTRAINT tiers_state CHECK (state IN ('active', 'deleted')),
    CONSTRAINT tiers_capacity_policy CHECK (capacity_policy IN ('shared', 'warm_regional', 'preallocated')),
    CONSTRAINT tiers_priority CHECK (priority BETWEEN 0 AND 100),
    CONSTRAINT tiers_max_prompt_tokens CHECK (max_prompt_tokens BETWEEN 1 AND 10000000),
    CONSTRAINT tiers_max_output_tokens CHECK (max_output_tokens BETWEEN 1 AND 1000000),
    CONSTRAINT tiers_max_body_bytes CHECK (max_body_bytes BETWEEN 1024 AND 67108864),
    CONSTRAINT tiers_requests_per_minute CHECK (requests_per_minute BETWEEN 1 AND 10000000),
    CONSTRAINT tiers_tokens_per_minute CHECK (tokens_per_minute BETWEEN 1 AND 2000000000),
    CONSTRAINT tiers_concurrent_requests CHECK (concurrent_requests BETWEEN 1 AND 1000000),
    CONSTRAINT tiers_max_table_age_seconds CHECK (max_table_age_seconds BETWEEN 60 AND 604800),
    CONSTRAINT tiers_ttft_objective CHECK (ttft_objective_microseconds BETWEEN 1000 AND 600000000),
    CONSTRAINT tiers_monthly_minimum CHECK (monthly_minimum_micro_usd BETWEEN 0 AND 1000000000000000)
);

CREATE TABLE serving.tenants (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    display_name serving.label NOT NULL,
    tier text NOT NULL,
    state text NOT NULL DEFAULT 'active',
    -- Empty: everywhere.
    allowed_regions text[] NOT NULL DEFAULT '{}',
    -- Put into requests, so that tenants never share a runtime's prefix cache.
    cache_salt text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_tier_fkey FOREIGN KEY (tier) REFERENCES serving.tiers (name),
    CONSTRAINT tenants_state CHECK (state IN ('active', 'suspended', 'deleted')),
    CONSTRAINT tenants_deleted CHECK ((state = 'deleted') = (deleted_at IS NOT NULL)),
    CONSTRAINT tenants_allowed_regions CHECK (cardinality(allowed_regions) <= 64 AND array_position(allowed_regions, NULL) IS NULL),
    CONSTRAINT tenants_cache_salt CHECK (cache_salt ~ '^[0-9a-f]{32}$')
);
CREATE UNIQUE INDEX tenants_name_key ON serving.tenants (name) WHERE state <> 'deleted';
CREATE INDEX tenants_created ON serving.tenants (created_at, id);

CREATE TABLE serving.api_keys (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    name serving.label NOT NULL,
    -- First twelve characters, for people to tell keys apart.
    prefix text NOT NULL,
    sha256 serving.sha256 NOT NULL,
    -- Made elsewhere and brought along by value.
    imported boolean NOT NULL DEFAULT false,
    -- NULL: every model of the tenant's tier.
    models text[],
    -- NULL: the tier's.
    requests_per_minute integer,
    tokens_per_minute integer,
    concurrent_requests integer,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_sha256_key UNIQUE (sha256),
    CONSTRAINT api_keys_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES serving.tenants (id),
    CONSTRAINT api_keys_prefix CHECK (char_length(prefix) BETWEEN 1 AND 12),
    CONSTRAINT api_keys_models CHECK (models IS NULL OR (cardinality(models) BETWEEN 1 AND 256 AND array_position(models, NULL) IS NULL)),
    CONSTRAINT api_keys_requests_per_minute CHECK (requests_per_minute BETWEEN 1 AND 10000000),
    CONSTRAINT api_keys_tokens_per_minute CHECK (tokens_per_minute BETWEEN 1 AND 2000000000),
    CONSTRAINT api_keys_concurrent_requests CHECK (concurrent_requests BETWEEN 1 AND 1000000)
);
CREATE INDEX api_keys_tenant ON serving.api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_created ON serving.api_keys (created_at, id);
