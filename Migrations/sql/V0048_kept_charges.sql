-- What months of contracts are computed from, kept for ever in small form when the records that it comes from go by age.

-- Tokens of a tenant's requests by minute and price version (0: none held), of requests before `kept_until`.
CREATE TABLE billing.charge_minute (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    price_version bigint NOT NULL,
    requests bigint NOT NULL,
    -- Of them those with tokens to pay for.
    payable bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    cached_prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    CONSTRAINT charge_minute_pkey PRIMARY KEY (tenant_id, model, region, minute_at, price_version),
    CONSTRAINT charge_minute_counts CHECK (
        requests > 0 AND payable BETWEEN 0 AND requests AND prompt_tokens >= 0 AND cached_prompt_tokens >= 0 AND completion_tokens >= 0)
);
CREATE TABLE billing.charge_progress (
    single boolean NOT NULL DEFAULT true,
    kept_until timestamptz NOT NULL,
    CONSTRAINT charge_progress_pkey PRIMARY KEY (single),
    CONSTRAINT charge_progress_single CHECK (single),
    CONSTRAINT charge_progress_whole CHECK (extract(epoch FROM kept_until)::bigint % 3600 = 0)
);

-- First tokens of the probes of a minute that succeeded, microseconds in order: what any threshold can be held against.
CREATE TABLE reliability.probe_first_token (
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    microseconds bigint[] NOT NULL,
    CONSTRAINT probe_first_token_pkey PRIMARY KEY (model, region, minute_at)
);
CREATE TABLE reliability.probe_progress (
    single boolean NOT NULL DEFAULT true,
    kept_until timestamptz NOT NULL,
    CONSTRAINT probe_progress_pkey PRIMARY KEY (single),
    CONSTRAINT probe_progress_single CHECK (single),
    CONSTRAINT probe_progress_whole CHECK (extract(epoch FROM kept_until)::bigint % 3600 = 0)
);

-- From the first record on, or the first month that records can come for.
INSERT INTO billing.charge_progress (kept_until)
    SELECT date_trunc('month', least(min(accepted_at), now() - interval '2 months'), 'UTC') FROM billing.usage_event;
INSERT INTO reliability.probe_progress (kept_until)
    SELECT date_trunc('month', least(min(at), now() - interval '2 months'), 'UTC') FROM reliability.probe;

CREATE TRIGGER charge_minute_append_only BEFORE UPDATE OR DELETE ON billing.charge_minute
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();
CREATE TRIGGER probe_first_token_append_only BEFORE UPDATE OR DELETE ON reliability.probe_first_token
    FOR EACH ROW EXECUTE FUNCTION reliability.refuse_change();

GRANT SELECT, INSERT ON billing.charge_minute TO plimsoll_billing;
GRANT SELECT, UPDATE ON billing.charge_progress TO plimsoll_billing;
GRANT SELECT, INSERT ON reliability.probe_first_token TO plimsoll_reliability;
GRANT SELECT, UPDATE ON reliability.probe_progress TO plimsoll_reliability;

-- As before, but a month stays as long as months of contracts could not be computed without it.
CREATE OR REPLACE FUNCTION upkeep.drop_partitions(parent text, keep interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child record;
    month_end timestamptz;
    kept_until timestamptz := CASE parent
        WHEN 'billing.usage_event' THEN (SELECT progress.kept_until FROM billing.charge_progress AS progress)
        WHEN 'reliability.probe' THEN (SELECT progress.kept_until FROM reliability.probe_progress AS progress)
        ELSE 'infinity' END;
    dropped integer := 0;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM upkeep.monthly WHERE monthly.parent = drop_partitions.parent) THEN
        RAISE EXCEPTION 'not a table that is partitioned by time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF keep IS NULL OR now() - keep > now() - interval '60 days' THEN
        RAISE EXCEPTION 'at least 60 days are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR child IN
        SELECT n.nspname, c.relname FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE i.inhparent = parent::regclass
    LOOP
        month_end := (to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC';
        IF month_end <= now() - keep AND month_end <= kept_until THEN
            EXECUTE format('DROP TABLE %I.%I', child.nspname, child.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
