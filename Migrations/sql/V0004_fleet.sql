-- Hosts, their workers, gateways, and the tokens and commands by which they join and are led.

CREATE TABLE serving.enrolment_tokens (
    id uuid NOT NULL,
    role text NOT NULL,
    secret_sha256 serving.sha256 NOT NULL,
    region serving.slug NOT NULL,
    -- Agents only.
    pool text,
    uses_left integer NOT NULL DEFAULT 1,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    -- Host or gateway that joined with it.
    consumed_by uuid,
    revoked_at timestamptz,
    CONSTRAINT enrolment_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT enrolment_tokens_pool_fkey FOREIGN KEY (pool) REFERENCES serving.pools (name),
    CONSTRAINT enrolment_tokens_role CHECK (role IN ('agent', 'gateway')),
    CONSTRAINT enrolment_tokens_pool CHECK ((role = 'agent') = (pool IS NOT NULL)),
    CONSTRAINT enrolment_tokens_uses CHECK (uses_left BETWEEN 0 AND 1),
    CONSTRAINT enrolment_tokens_life CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 day'),
    CONSTRAINT enrolment_tokens_created_by CHECK (char_length(created_by) BETWEEN 1 AND 200)
);
CREATE INDEX enrolment_tokens_created ON serving.enrolment_tokens (created_at, id);

CREATE TABLE serving.hosts (
    id uuid NOT NULL,
    name text NOT NULL,
    pool text NOT NULL,
    region serving.slug NOT NULL,
    state text NOT NULL DEFAULT 'active',
    -- Identity: the counter of renewals, and what a copied machine gives away.
    join_state integer NOT NULL DEFAULT 0,
    boot_id text NOT NULL,
    certificate_sha256 serving.sha256,
    certificate_not_after timestamptz,
    locked_at timestamptz,
    lock_reason text,
    revoked_at timestamptz,
    revoke_reason text,
    -- The identity is refused on every link until then.
    denied_until timestamptz,
    -- Link.
    link text NOT NULL DEFAULT 'tunnel',
    link_address text,
    -- What the agent should do; the generation rises with every change of it.
    intent text NOT NULL DEFAULT 'serve',
    generation bigint NOT NULL DEFAULT 1,
    -- What the agent said last, written in batches.
    version text NOT NULL DEFAULT '',
    epoch bigint NOT NULL DEFAULT 0,
    sequence bigint NOT NULL DEFAULT 0,
    observed_generation bigint NOT NULL DEFAULT 0,
    agent_state text,
    inventory jsonb,
    linked_gateways uuid[] NOT NULL DEFAULT '{}',
    clock_skew_milliseconds bigint,
    last_heartbeat_at timestamptz,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hosts_pkey PRIMARY KEY (id),
    CONSTRAINT hosts_pool_fkey FOREIGN KEY (pool) REFERENCES serving.pools (name),
    CONSTRAINT hosts_name CHECK (char_length(name) BETWEEN 1 AND 253),
    CONSTRAINT hosts_state CHECK (state IN ('active', 'locked', 'revoked')),
    CONSTRAINT hosts_join_state CHECK (join_state >= 0),
    CONSTRAINT hosts_boot_id CHECK (char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT hosts_link CHECK (link IN ('tunnel', 'direct')),
    CONSTRAINT hosts_link_address CHECK (char_length(link_address) BETWEEN 3 AND 260),
    CONSTRAINT hosts_intent CHECK (intent IN ('serve', 'drain')),
    CONSTRAINT hosts_generation CHECK (generation >= 1),
    CONSTRAINT hosts_version CHECK (char_length(version) <= 64),
    CONSTRAINT hosts_agent_state CHECK (agent_state IN ('serving', 'draining', 'drained')),
    CONSTRAINT hosts_inventory CHECK (pg_column_size(inventory) <= 65536),
    CONSTRAINT hosts_linked_gateways CHECK (cardinality(linked_gateways) <= 64)
);
CREATE INDEX hosts_pool ON serving.hosts (pool);
CREATE INDEX hosts_enrolled ON serving.hosts (enrolled_at, id);

CREATE TABLE serving.workers (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    host_id uuid NOT NULL,
    -- Name of the runtime in the agent's configuration.
    runtime text NOT NULL,
    -- As reported; a worker whose release is not known is refused, not forgotten.
    release text NOT NULL,
    dialect text NOT NULL,
    served_model text,
    runtime_version text,
    runtime_state text NOT NULL,
    slots integer NOT NULL,
    context_tokens integer NOT NULL,
    weight_ppm serving.parts_per_million NOT NULL DEFAULT 1000000,
    accepted boolean NOT NULL DEFAULT false,
    -- Why it gets no traffic, for the host's owner to read.
    refusal text,
    load jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_reported_at timestamptz,
    -- The host no longer has this runtime.
    retired_at timestamptz,
    CONSTRAINT workers_pkey PRIMARY KEY (id),
    CONSTRAINT workers_runtime_key UNIQUE (host_id, runtime),
    CONSTRAINT workers_host_fkey FOREIGN KEY (host_id) REFERENCES serving.hosts (id),
    CONSTRAINT workers_runtime CHECK (char_length(runtime) BETWEEN 1 AND 63),
    CONSTRAINT workers_release CHECK (char_length(release) BETWEEN 1 AND 127),
    CONSTRAINT workers_dialect CHECK (char_length(dialect) BETWEEN 1 AND 32),
    CONSTRAINT workers_served_model CHECK (char_length(served_model) BETWEEN 1 AND 255),
    CONSTRAINT workers_runtime_version CHECK (char_length(runtime_version) <= 64),
    CONSTRAINT workers_runtime_state CHECK (runtime_state IN ('starting', 'ready', 'unhealthy', 'stopped')),
    CONSTRAINT workers_slots CHECK (slots BETWEEN 1 AND 65536),
    CONSTRAINT workers_context_tokens CHECK (context_tokens BETWEEN 1 AND 10000000),
    CONSTRAINT workers_refusal CHECK (char_length(refusal) <= 500),
    CONSTRAINT workers_accepted CHECK (NOT accepted OR refusal IS NULL)
);
CREATE INDEX workers_created ON serving.workers (created_at, id);

CREATE TABLE serving.gateways (
    id uuid NOT NULL,
    name text NOT NULL,
    region serving.slug NOT NULL,
    -- host:port that agents dial.
    advertise text,
    state text NOT NULL DEFAULT 'active',
    join_state integer NOT NULL DEFAULT 0,
    boot_id text NOT NULL,
    certificate_sha256 serving.sha256,
    certificate_not_after timestamptz,
    locked_at timestamptz,
    lock_reason text,
    revoked_at timestamptz,
    revoke_reason text,
    denied_until timestamptz,
    version text NOT NULL DEFAULT '',
    table_version bigint NOT NULL DEFAULT 0,
    last_seen_at timestamptz,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT gateways_pkey PRIMARY KEY (id),
    CONSTRAINT gateways_name CHECK (char_length(name) BETWEEN 1 AND 253),
    CONSTRAINT gateways_advertise CHECK (char_length(advertise) BETWEEN 3 AND 260),
    CONSTRAINT gateways_state CHECK (state IN ('active', 'locked', 'revoked')),
    CONSTRAINT gateways_join_state CHECK (join_state >= 0),
    CONSTRAINT gateways_boot_id CHECK (char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT gateways_version CHECK (char_length(version) <= 64)
);
CREATE INDEX gateways_enrolled ON serving.gateways (enrolled_at, id);

CREATE TABLE serving.operations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    host_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'queued',
    deadline timestamptz NOT NULL,
    message text,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operations_pkey PRIMARY KEY (id),
    CONSTRAINT operations_host_fkey FOREIGN KEY (host_id) REFERENCES serving.hosts (id),
    CONSTRAINT operations_kind CHECK (kind IN ('drain', 'resume')),
    CONSTRAINT operations_state CHECK (state IN ('queued', 'sent', 'running', 'done', 'failed', 'expired', 'superseded')),
    CONSTRAINT operations_message CHECK (char_length(message) <= 500),
    CONSTRAINT operations_requested_by CHECK (char_length(requested_by) BETWEEN 1 AND 200)
);
CREATE INDEX operations_open ON serving.operations (host_id, created_at) WHERE state IN ('queued', 'sent', 'running');
CREATE INDEX operations_host ON serving.operations (host_id, created_at, id);
