-- When and from where customers' keys are used: what a person looks at when one may have leaked.

CREATE TABLE serving.key_uses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    key_id uuid NOT NULL,
    -- An IPv4 address, or the first 64 bits of one of IPv6; empty: the gateway cannot know it.
    address text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    gateway_id uuid NOT NULL,
    CONSTRAINT key_uses_pkey PRIMARY KEY (id),
    CONSTRAINT key_uses_place UNIQUE (key_id, address),
    CONSTRAINT key_uses_key_fkey FOREIGN KEY (key_id) REFERENCES serving.api_keys (id) ON DELETE CASCADE,
    CONSTRAINT key_uses_address CHECK (char_length(address) <= 64),
    CONSTRAINT key_uses_order CHECK (first_at <= last_at)
);
CREATE INDEX key_uses_last ON serving.key_uses (last_at, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON serving.key_uses TO plimsoll_serving;

CREATE OR REPLACE FUNCTION upkeep.forget() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM serving.idempotency_keys WHERE created_at < now() - interval '24 hours' AND running_until < now();
    DELETE FROM serving.enrolment_tokens WHERE expires_at < now() - interval '30 days';
    DELETE FROM serving.abuse_events WHERE at < now() - interval '90 days';
    DELETE FROM serving.key_uses WHERE last_at < now() - interval '30 days';
    DELETE FROM billing.usage_key WHERE accepted_at < now() - interval '400 days';
$$;
