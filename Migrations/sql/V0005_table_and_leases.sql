-- The routing table as published, who publishes it, who may administer, and answers kept for repeated requests.

CREATE TABLE serving.routing_table_version (
    version bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    -- Of the resulting table.
    digest serving.sha256 NOT NULL,
    signature bytea NOT NULL,
    -- Key that signed it, so that a rotation is visible.
    signer_sha256 serving.sha256,
    entries integer NOT NULL,
    changed integer NOT NULL,
    reason serving.reason NOT NULL,
    CONSTRAINT routing_table_version_pkey PRIMARY KEY (version),
    CONSTRAINT routing_table_version_positive CHECK (version >= 1),
    CONSTRAINT routing_table_version_signature CHECK (octet_length(signature) = 64),
    CONSTRAINT routing_table_version_counts CHECK (entries >= 0 AND changed >= 0)
);

-- Current entries with the version that changed them last; a tombstone has no value.
CREATE TABLE serving.routing_table_entry (
    key text NOT NULL,
    value text,
    version bigint NOT NULL,
    CONSTRAINT routing_table_entry_pkey PRIMARY KEY (key),
    CONSTRAINT routing_table_entry_version_fkey FOREIGN KEY (version) REFERENCES serving.routing_table_version (version),
    CONSTRAINT routing_table_entry_key CHECK (char_length(key) BETWEEN 3 AND 300),
    CONSTRAINT routing_table_entry_value CHECK (octet_length(value) <= 65536)
);
CREATE INDEX routing_table_entry_version ON serving.routing_table_entry (version);

-- Who runs a background loop; judged by the server's clock. The epoch rises with each new holder and fences the one before.
CREATE TABLE serving.leases (
    name serving.slug NOT NULL,
    holder uuid NOT NULL,
    epoch bigint NOT NULL DEFAULT 1,
    expires_at timestamptz NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name),
    CONSTRAINT leases_epoch CHECK (epoch >= 1)
);

CREATE TABLE serving.admin_tokens (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.label NOT NULL,
    role text NOT NULL,
    prefix text NOT NULL,
    sha256 serving.sha256 NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT admin_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT admin_tokens_sha256_key UNIQUE (sha256),
    CONSTRAINT admin_tokens_role CHECK (role IN ('owner', 'operator', 'viewer')),
    CONSTRAINT admin_tokens_prefix CHECK (char_length(prefix) BETWEEN 1 AND 12),
    CONSTRAINT admin_tokens_created_by CHECK (char_length(created_by) BETWEEN 1 AND 200)
);
CREATE INDEX admin_tokens_created ON serving.admin_tokens (created_at, id);

CREATE TABLE serving.idempotency_keys (
    token_id uuid NOT NULL,
    key text NOT NULL,
    -- SHA-256 of method, path and body.
    request_sha256 serving.sha256 NOT NULL,
    state text NOT NULL DEFAULT 'running',
    -- A request that died leaves a running row; after this moment another may take it over.
    running_until timestamptz NOT NULL,
    status integer,
    -- The answer without secrets, which are shown once.
    answer text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (token_id, key),
    CONSTRAINT idempotency_keys_token_fkey FOREIGN KEY (token_id) REFERENCES serving.admin_tokens (id),
    CONSTRAINT idempotency_keys_key CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_state CHECK (state IN ('running', 'done')),
    CONSTRAINT idempotency_keys_done CHECK ((state = 'done') = (status IS NOT NULL AND answer IS NOT NULL)),
    CONSTRAINT idempotency_keys_answer CHECK (octet_length(answer) <= 1048576)
);
CREATE INDEX idempotency_keys_created ON serving.idempotency_keys (created_at);
