-- What is sold and where it may run: models, their releases, providers, pools, SKUs and the weights that share out traffic.

CREATE TABLE serving.models (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Name that customers use.
    name serving.model_name NOT NULL,
    display_name serving.label NOT NULL,
    state text NOT NULL DEFAULT 'active',
    context_tokens integer NOT NULL,
    -- Tiers that may use it; empty: all.
    tiers text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT models_pkey PRIMARY KEY (id),
    CONSTRAINT models_name_key UNIQUE (name),
    CONSTRAINT models_state CHECK (state IN ('active', 'hidden', 'deleted')),
    CONSTRAINT models_context_tokens CHECK (context_tokens BETWEEN 1 AND 10000000),
    CONSTRAINT models_tiers CHECK (cardinality(tiers) <= 64 AND array_position(tiers, NULL) IS NULL)
);

CREATE TABLE serving.releases (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.model_name NOT NULL,
    model text NOT NULL,
    state text NOT NULL DEFAULT 'active',
    weights_digest text,
    quantisation text,
    image_digest text,
    -- Dialects that may serve it; empty: all.
    dialects text[] NOT NULL DEFAULT '{}',
    min_context_tokens integer NOT NULL DEFAULT 1,
    min_memory_bytes bigint NOT NULL DEFAULT 0,
    min_vram_bytes bigint NOT NULL DEFAULT 0,
    min_disk_bytes bigint NOT NULL DEFAULT 0,
    -- Such as 8.6.
    min_compute_capability text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT releases_pkey PRIMARY KEY (id),
    CONSTRAINT releases_name_key UNIQUE (name),
    CONSTRAINT releases_model_fkey FOREIGN KEY (model) REFERENCES serving.models (name),
    CONSTRAINT releases_state CHECK (state IN ('active', 'retired', 'deleted')),
    CONSTRAINT releases_weights_digest CHECK (weights_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT releases_image_digest CHECK (image_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT releases_quantisation CHECK (quantisation ~ '^[A-Za-z0-9._-]{1,32}$'),
    CONSTRAINT releases_dialects CHECK (cardinality(dialects) <= 16 AND array_position(dialects, NULL) IS NULL),
    CONSTRAINT releases_min_context CHECK (min_context_tokens BETWEEN 1 AND 10000000),
    CONSTRAINT releases_min_bytes CHECK (min_memory_bytes >= 0 AND min_vram_bytes >= 0 AND min_disk_bytes >= 0),
    CONSTRAINT releases_min_compute CHECK (min_compute_capability ~ '^[0-9]{1,2}\.[0-9]$')
);
CREATE INDEX releases_model ON serving.releases (model);

CREATE TABLE serving.providers (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    display_name serving.label NOT NULL,
    kind text NOT NULL,
    trust_class text NOT NULL DEFAULT 'standard',
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_name_key UNIQUE (name),
    CONSTRAINT providers_kind CHECK (kind IN ('marketplace', 'independent', 'decentralised', 'reserved')),
    CONSTRAINT providers_trust_class CHECK (trust_class IN ('standard', 'trusted')),
    CONSTRAINT providers_state CHECK (state IN ('active', 'suspended', 'deleted'))
);

CREATE TABLE serving.pools (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    provider text NOT NULL,
    region serving.slug NOT NULL,
    kind text NOT NULL DEFAULT 'shared',
    state text NOT NULL DEFAULT 'active',
    -- Price of one accelerator for one hour; NULL: not known.
    hour_price_micro_usd bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT pools_pkey PRIMARY KEY (id),
    CONSTRAINT pools_name_key UNIQUE (name),
    CONSTRAINT pools_provider_fkey FOREIGN KEY (provider) REFERENCES serving.providers (name),
    CONSTRAINT pools_kind CHECK (kind IN ('shared', 'warm', 'reserved')),
    CONSTRAINT pools_state CHECK (state IN ('active', 'suspended', 'deleted')),
    CONSTRAINT pools_hour_price CHECK (hour_price_micro_usd BETWEEN 0 AND 1000000000000)
);
CREATE INDEX pools_provider ON serving.pools (provider);

CREATE TABLE serving.skus (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    model text NOT NULL,
    tier text NOT NULL,
    service_class text NOT NULL DEFAULT 'interactive',
    context_class text NOT NULL DEFAULT 'standard',
    primary_region serving.slug NOT NULL,
    backup_region serving.slug,
    -- Integer 10^-12 US dollars for one token.
    prompt_price_pico_usd bigint NOT NULL,
    completion_price_pico_usd bigint NOT NULL,
    fallback_sku text,
    state text NOT NULL DEFAULT 'draft',
    -- Why it was activated although not everything that a paid SKU needs is proven.
    override_reason serving.reason,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT skus_pkey PRIMARY KEY (id),
    CONSTRAINT skus_name_key UNIQUE (name),
    CONSTRAINT skus_model_fkey FOREIGN KEY (model) REFERENCES serving.models (name),
    CONSTRAINT skus_tier_fkey FOREIGN KEY (tier) REFERENCES serving.tiers (name),
    CONSTRAINT skus_fallback_fkey FOREIGN KEY (fallback_sku) REFERENCES serving.skus (name),
    CONSTRAINT skus_service_class CHECK (service_class IN ('interactive', 'batch')),
    CONSTRAINT skus_context_class CHECK (context_class IN ('standard', 'long')),
    CONSTRAINT skus_regions CHECK (backup_region IS NULL OR backup_region <> primary_region),
    CONSTRAINT skus_prices CHECK (prompt_price_pico_usd BETWEEN 0 AND 1000000000000 AND completion_price_pico_usd BETWEEN 0 AND 1000000000000),
    CONSTRAINT skus_fallback CHECK (fallback_sku IS NULL OR fallback_sku <> name),
    CONSTRAINT skus_state CHECK (state IN ('draft', 'active', 'retired', 'deleted'))
);

-- Every weight that ever held, with its reason; the newest version of a subject holds now.
CREATE TABLE serving.routing_weights (
    version bigint GENERATED ALWAYS AS IDENTITY,
    scope text NOT NULL,
    subject text NOT NULL,
    weight_ppm serving.parts_per_million NOT NULL,
    source text NOT NULL,
    reason serving.reason NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT routing_weights_pkey PRIMARY KEY (version),
    CONSTRAINT routing_weights_scope CHECK (scope IN ('release', 'pool', 'provider')),
    CONSTRAINT routing_weights_subject CHECK (char_length(subject) BETWEEN 1 AND 127),
    CONSTRAINT routing_weights_source CHECK (source IN ('default', 'operator', 'score', 'budget')),
    CONSTRAINT routing_weights_actor CHECK (char_length(actor) BETWEEN 1 AND 200)
);
CREATE INDEX routing_weights_subject ON serving.routing_weights (scope, subject, version DESC);

CREATE VIEW serving.current_routing_weights AS
SELECT DISTINCT ON (scope, subject) scope, subject, weight_ppm, version, source, reason
FROM serving.routing_weights
ORDER BY scope, subject, version DESC;
