-- Gateways lend each other what they do not need of the limits of a minute: promises to use less than their part, and loans out of them.

CREATE TABLE serving.rate_holders (
    -- tenant/ID or key/ID.
    holder text NOT NULL,
    -- Some gateway needs more than its part.
    sought_until timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rate_holders_pkey PRIMARY KEY (holder),
    CONSTRAINT rate_holders_holder CHECK (holder ~ '^(tenant|key)/[0-9a-f-]{36}$')
);
CREATE INDEX rate_holders_sought ON serving.rate_holders (sought_until);

CREATE TABLE serving.rate_shares (
    holder text NOT NULL,
    gateway_id uuid NOT NULL,
    -- A promise: all that it uses. A loan: on top of its part.
    kind text NOT NULL,
    requests integer NOT NULL,
    tokens integer NOT NULL,
    concurrent integer NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT rate_shares_pkey PRIMARY KEY (holder, gateway_id),
    CONSTRAINT rate_shares_holder_fkey FOREIGN KEY (holder) REFERENCES serving.rate_holders (holder) ON DELETE CASCADE,
    CONSTRAINT rate_shares_gateway_fkey FOREIGN KEY (gateway_id) REFERENCES serving.gateways (id),
    CONSTRAINT rate_shares_kind CHECK (kind IN ('promise', 'loan')),
    CONSTRAINT rate_shares_amounts CHECK (requests >= 0 AND tokens >= 0 AND concurrent >= 0)
);

-- What was agreed for a minute.
CREATE VIEW serving.rate_limits AS
SELECT 'tenant/' || tenants.id AS holder, tiers.requests_per_minute, tiers.tokens_per_minute, tiers.concurrent_requests
FROM serving.tenants JOIN serving.tiers ON tiers.name = tenants.tier WHERE tenants.state = 'active'
UNION ALL
SELECT 'key/' || keys.id, coalesce(keys.requests_per_minute, tiers.requests_per_minute),
    coalesce(keys.tokens_per_minute, tiers.tokens_per_minute), coalesce(keys.concurrent_requests, tiers.concurrent_requests)
FROM serving.api_keys AS keys JOIN serving.tenants ON tenants.id = keys.tenant_id JOIN serving.tiers ON tiers.name = tenants.tier
WHERE keys.revoked_at IS NULL AND tenants.state = 'active';

GRANT SELECT, INSERT, UPDATE, DELETE ON serving.rate_holders, serving.rate_shares TO plimsoll_serving;
GRANT SELECT ON serving.rate_limits TO plimsoll_serving;
