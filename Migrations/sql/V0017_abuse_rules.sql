-- Rules on what is asked and from where, the addresses that tenants and keys may be used from, and what was noticed of abuse.

ALTER TABLE serving.tenants ADD COLUMN allowed_addresses text[],
    ADD CONSTRAINT tenants_allowed_addresses CHECK (cardinality(allowed_addresses) <= 256 AND array_position(allowed_addresses, NULL) IS NULL);
ALTER TABLE serving.api_keys ADD COLUMN allowed_addresses text[],
    ADD CONSTRAINT api_keys_allowed_addresses CHECK (cardinality(allowed_addresses) <= 256 AND array_position(allowed_addresses, NULL) IS NULL);

CREATE TABLE serving.rules (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name serving.slug NOT NULL,
    -- NULL: for all tenants.
    tenant_id uuid,
    kind text NOT NULL,
    -- Text, a regular expression or a range of addresses; the control plane has compiled it before it is written.
    pattern text NOT NULL,
    case_sensitive boolean NOT NULL DEFAULT false,
    action text NOT NULL,
    -- For the customer who is refused; NULL: the usual words, which say nothing of the rule.
    message text,
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT rules_pkey PRIMARY KEY (id),
    CONSTRAINT rules_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES serving.tenants (id),
    CONSTRAINT rules_kind CHECK (kind IN ('literal', 'expression', 'address')),
    CONSTRAINT rules_pattern CHECK (char_length(pattern) BETWEEN 1 AND 4000),
    CONSTRAINT rules_action CHECK (action IN ('refuse', 'flag')),
    CONSTRAINT rules_address_refuses CHECK (kind <> 'address' OR action = 'refuse'),
    CONSTRAINT rules_message CHECK (char_length(message) BETWEEN 1 AND 200),
    CONSTRAINT rules_state CHECK (state IN ('active', 'paused', 'deleted')),
    CONSTRAINT rules_deleted CHECK ((state = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX rules_name_key ON serving.rules (name) WHERE state <> 'deleted';
CREATE INDEX rules_created ON serving.rules (created_at, id);
CREATE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON serving.rules FOR EACH STATEMENT EXECUTE FUNCTION serving.table_changed();

-- Counts and verdicts, never content.
CREATE TABLE serving.abuse_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    tenant_id uuid,
    rule_id uuid,
    gateway_id uuid,
    count bigint NOT NULL DEFAULT 1,
    -- JSON object; what depends on the kind.
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT abuse_events_pkey PRIMARY KEY (id),
    CONSTRAINT abuse_events_kind CHECK (kind IN ('rule', 'lock', 'anomaly', 'release')),
    CONSTRAINT abuse_events_count CHECK (count BETWEEN 1 AND 1000000000000),
    CONSTRAINT abuse_events_detail CHECK (octet_length(detail::text) <= 4096)
);
CREATE INDEX abuse_events_at ON serving.abuse_events (at, id);
CREATE INDEX abuse_events_tenant ON serving.abuse_events (tenant_id, at);

GRANT SELECT, INSERT, UPDATE, DELETE ON serving.rules, serving.abuse_events TO plimsoll_serving;

CREATE OR REPLACE FUNCTION upkeep.forget() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM serving.idempotency_keys WHERE created_at < now() - interval '24 hours' AND running_until < now();
    DELETE FROM serving.enrolment_tokens WHERE expires_at < now() - interval '30 days';
    DELETE FROM serving.abuse_events WHERE at < now() - interval '90 days';
    DELETE FROM billing.usage_key WHERE accepted_at < now() - interval '400 days';
$$;
