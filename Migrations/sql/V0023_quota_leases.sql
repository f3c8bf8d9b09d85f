-- Slices of the quotas of a day or month that gateways hold: each admits from its own without asking, and the slices never add up to more.

-- What is locked while a quota is shared out. Numbers of periods: days since 1970, or months since the year 0.
CREATE TABLE serving.quota_budgets (
    -- tenant/ID or key/ID.
    holder text NOT NULL,
    kind text NOT NULL,
    period bigint NOT NULL,
    -- Some gateway wanted more than there was: whoever holds more than it needs gives it back.
    sought_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT quota_budgets_pkey PRIMARY KEY (holder, kind, period),
    CONSTRAINT quota_budgets_holder CHECK (holder ~ '^(tenant|key)/[0-9a-f-]{36}$'),
    CONSTRAINT quota_budgets_kind CHECK (kind IN ('tokens_per_day', 'tokens_per_month', 'spend_per_month'))
);

-- Amounts are cumulative over the period: tokens, or 10^-12 US dollars.
CREATE TABLE serving.quota_leases (
    holder text NOT NULL,
    kind text NOT NULL,
    period bigint NOT NULL,
    gateway_id uuid NOT NULL,
    boot_id text NOT NULL,
    sequence bigint NOT NULL,
    granted bigint NOT NULL,
    spent bigint NOT NULL,
    -- A closed lease has given back what was not spent, once.
    state text NOT NULL DEFAULT 'open',
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT quota_leases_pkey PRIMARY KEY (holder, kind, period, gateway_id),
    CONSTRAINT quota_leases_budget_fkey FOREIGN KEY (holder, kind, period) REFERENCES serving.quota_budgets (holder, kind, period)
        ON DELETE CASCADE,
    CONSTRAINT quota_leases_gateway_fkey FOREIGN KEY (gateway_id) REFERENCES serving.gateways (id),
    CONSTRAINT quota_leases_boot CHECK (char_length(boot_id) BETWEEN 1 AND 64),
    CONSTRAINT quota_leases_amounts CHECK (granted >= 0 AND spent >= 0),
    CONSTRAINT quota_leases_state CHECK (state IN ('open', 'closed')),
    CONSTRAINT quota_leases_closed CHECK (state = 'open' OR granted = spent)
);
CREATE INDEX quota_leases_gateway ON serving.quota_leases (gateway_id, updated_at);
CREATE INDEX quota_leases_expiry ON serving.quota_leases (expires_at) WHERE state = 'open';
CREATE INDEX quota_budgets_created ON serving.quota_budgets (created_at);

-- What was agreed for a holder, whatever has been taken of it; NULL: nothing.
CREATE VIEW serving.quota_limits AS
SELECT 'tenant/' || tenants.id AS holder, tenants.id AS tenant_id, kind,
    CASE kind
        WHEN 'tokens_per_day' THEN coalesce(tenants.tokens_per_day, tiers.tokens_per_day)
        WHEN 'tokens_per_month' THEN coalesce(tenants.tokens_per_month, tiers.tokens_per_month)
        ELSE coalesce(tenants.spend_per_month_micro_usd, tiers.spend_per_month_micro_usd) * 1000000
    END AS amount, tiers.max_table_age_seconds AS lease_seconds
FROM serving.tenants JOIN serving.tiers ON tiers.name = tenants.tier
CROSS JOIN unnest(ARRAY['tokens_per_day', 'tokens_per_month', 'spend_per_month']) AS kind
WHERE tenants.state = 'active'
UNION ALL
SELECT 'key/' || keys.id, keys.tenant_id, kind,
    CASE kind
        WHEN 'tokens_per_day' THEN keys.tokens_per_day
        WHEN 'tokens_per_month' THEN keys.tokens_per_month
        ELSE keys.spend_per_month_micro_usd * 1000000
    END, tiers.max_table_age_seconds
FROM serving.api_keys AS keys JOIN serving.tenants ON tenants.id = keys.tenant_id JOIN serving.tiers ON tiers.name = tenants.tier
CROSS JOIN unnest(ARRAY['tokens_per_day', 'tokens_per_month', 'spend_per_month']) AS kind
WHERE keys.revoked_at IS NULL AND tenants.state = 'active';

GRANT SELECT, INSERT, UPDATE, DELETE ON serving.quota_budgets, serving.quota_leases TO plimsoll_serving;
GRANT SELECT ON serving.quota_limits TO plimsoll_serving;
