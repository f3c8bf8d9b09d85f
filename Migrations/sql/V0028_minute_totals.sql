-- Minutes as promises are judged by: reports of all gateways merged, by tenant and by tier, with the probes' verdict of idle ones.

-- Tables with a partition for each month, for the two functions below.
CREATE TABLE upkeep.monthly (
    parent text NOT NULL,
    CONSTRAINT monthly_pkey PRIMARY KEY (parent)
);
INSERT INTO upkeep.monthly VALUES
    ('billing.usage_event'), ('reliability.minute'), ('reliability.minute_total'), ('reliability.service_minute'), ('reliability.probe_minute');

-- Only minutes in which something was asked; all reports of a minute added up.
CREATE TABLE reliability.minute_total (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    tier text NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    excluded bigint NOT NULL,
    server_errors bigint NOT NULL,
    -- Answers 429 inside quota and burst, and above them.
    shed bigint NOT NULL,
    over_quota bigint NOT NULL,
    first_token_samples bigint NOT NULL,
    first_token_over bigint NOT NULL,
    disconnects bigint NOT NULL,
    CONSTRAINT minute_total_pkey PRIMARY KEY (tenant_id, model, region, minute_at)
) PARTITION BY RANGE (minute_at);
CREATE INDEX minute_total_time ON reliability.minute_total (minute_at);

-- The same of all tenants of a tier.
CREATE TABLE reliability.service_minute (
    tier text NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    excluded bigint NOT NULL,
    server_errors bigint NOT NULL,
    shed bigint NOT NULL,
    over_quota bigint NOT NULL,
    first_token_samples bigint NOT NULL,
    first_token_over bigint NOT NULL,
    disconnects bigint NOT NULL,
    CONSTRAINT service_minute_pkey PRIMARY KEY (model, region, minute_at, tier)
) PARTITION BY RANGE (minute_at);

-- Probes of a model in a region; faults of their own making and drills are left out.
CREATE TABLE reliability.probe_minute (
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    successes integer NOT NULL,
    failures integer NOT NULL,
    CONSTRAINT probe_minute_pkey PRIMARY KEY (model, region, minute_at)
) PARTITION BY RANGE (minute_at);

-- Reports that came after their minute was closed: what rests on it is corrected.
CREATE TABLE reliability.late_minute (
    tenant_id uuid NOT NULL,
    model text NOT NULL,
    region text NOT NULL,
    minute_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT late_minute_pkey PRIMARY KEY (tenant_id, model, region, minute_at)
);

-- Whole days of 1,440 minutes, so that a page over months reads days: of a tenant (tier empty), of a tier or of all tiers (tenant of zeros, tier
-- empty). Minutes by status as the budget sees them, under either rule; maintenance and exclusions are applied when it is read.
CREATE TABLE reliability.day_total (
    tenant_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    tier text NOT NULL DEFAULT '',
    model text NOT NULL,
    region text NOT NULL,
    day date NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    excluded bigint NOT NULL,
    server_errors bigint NOT NULL,
    shed bigint NOT NULL,
    over_quota bigint NOT NULL,
    first_token_samples bigint NOT NULL,
    first_token_over bigint NOT NULL,
    -- Minutes with requests that count, and of them those with a bad one, and those with more than 5 % bad ones.
    busy_minutes integer NOT NULL,
    any_bad_minutes integer NOT NULL,
    many_bad_minutes integer NOT NULL,
    -- Without: by the probes.
    idle_good_minutes integer NOT NULL,
    idle_bad_minutes integer NOT NULL,
    CONSTRAINT day_total_pkey PRIMARY KEY (tenant_id, tier, model, region, day)
);
CREATE INDEX day_total_place ON reliability.day_total (model, region, day);

-- How far minutes are closed. One row.
CREATE TABLE reliability.minute_progress (
    single boolean NOT NULL DEFAULT true,
    -- Minutes before it are closed: later reports of them are corrections.
    closed_until timestamptz NOT NULL,
    CONSTRAINT minute_progress_pkey PRIMARY KEY (single),
    CONSTRAINT minute_progress_single CHECK (single)
);

CREATE FUNCTION reliability.note_late_minute() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.minute_at < (SELECT closed_until FROM reliability.minute_progress) THEN
        INSERT INTO reliability.late_minute (tenant_id, model, region, minute_at) VALUES (NEW.tenant_id, NEW.model, NEW.region, NEW.minute_at)
        ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET noted_at = now();
    END IF;
    RETURN NULL;
END
$$;
-- Minutes of the last quarter of an hour are never closed, so their reports cost no look at the progress.
CREATE TRIGGER minute_late_added AFTER INSERT ON reliability.minute FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '15 minutes') EXECUTE FUNCTION reliability.note_late_minute();
CREATE TRIGGER minute_late_changed AFTER UPDATE ON reliability.minute FOR EACH ROW
    WHEN (NEW.minute_at < now() - interval '15 minutes') EXECUTE FUNCTION reliability.note_late_minute();

-- Scheduled work that customers are told about.
CREATE TABLE reliability.maintenance_window (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- NULL: all.
    model text,
    region text,
    title serving.label NOT NULL,
    reason serving.reason NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    announced_at timestamptz NOT NULL DEFAULT now(),
    announced_by text NOT NULL,
    state text NOT NULL DEFAULT 'scheduled',
    -- Work that is over early excludes nothing after it.
    completed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT maintenance_window_pkey PRIMARY KEY (id),
    CONSTRAINT maintenance_window_model CHECK (char_length(model) BETWEEN 1 AND 127),
    CONSTRAINT maintenance_window_region CHECK (char_length(region) BETWEEN 1 AND 63),
    CONSTRAINT maintenance_window_ends_at CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '7 days'),
    CONSTRAINT maintenance_window_whole CHECK (
        starts_at = date_trunc('minute', starts_at) AND ends_at = date_trunc('minute', ends_at)),
    CONSTRAINT maintenance_window_state CHECK (state IN ('scheduled', 'cancelled', 'completed')),
    CONSTRAINT maintenance_window_completed CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT maintenance_window_actor CHECK (char_length(announced_by) BETWEEN 1 AND 200)
);
CREATE INDEX maintenance_window_starts ON reliability.maintenance_window (starts_at);

-- Time that a contract leaves out for a reason that is no maintenance. It is applied when minutes are read; they stay as they are.
CREATE TABLE reliability.exclusion (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- NULL: all.
    tenant_id uuid,
    model text,
    region text,
    code text NOT NULL,
    reason serving.reason NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    -- Other people than who asked; force majeure needs two, and to be public.
    approved_by text[] NOT NULL DEFAULT '{}',
    published boolean NOT NULL DEFAULT false,
    -- It does not hold any more, for whatever is computed from now on.
    withdrawn_at timestamptz,
    withdrawn_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT exclusion_pkey PRIMARY KEY (id),
    CONSTRAINT exclusion_code CHECK (code IN (
        'customer_network', 'over_quota', 'force_majeure', 'scheduled_maintenance', 'over_limit', 'misuse')),
    CONSTRAINT exclusion_ends_at CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '31 days'),
    CONSTRAINT exclusion_whole CHECK (starts_at = date_trunc('minute', starts_at) AND ends_at = date_trunc('minute', ends_at)),
    CONSTRAINT exclusion_approvers CHECK (
        cardinality(approved_by) <= 8 AND array_position(approved_by, NULL) IS NULL AND NOT approved_by @> ARRAY[requested_by])
);
CREATE INDEX exclusion_starts ON reliability.exclusion (starts_at);

-- Those that hold.
CREATE VIEW reliability.effective_exclusion AS
SELECT * FROM reliability.exclusion
WHERE withdrawn_at IS NULL AND (CASE WHEN code = 'force_majeure' THEN published AND cardinality(approved_by) >= 2 ELSE cardinality(approved_by) >= 1 END);

CREATE OR REPLACE FUNCTION upkeep.ensure_partitions(months_ahead integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step integer;
    kind text;
    first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF months_ahead NOT BETWEEN 1 AND 36 THEN
        RAISE EXCEPTION 'months_ahead must be 1 to 36' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(7116881260);
    FOR kind IN SELECT parent FROM upkeep.monthly ORDER BY parent LOOP
        FOR step IN -2 .. months_ahead LOOP
            PERFORM upkeep.ensure_month(kind::regclass, (first + make_interval(months => step))::date);
        END LOOP;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION upkeep.drop_partitions(parent text, keep interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child record;
    month date;
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
        month := to_date(right(child.relname, 7), 'YYYY_MM');
        IF (month + interval '1 month') AT TIME ZONE 'UTC' <= now() - keep THEN
            EXECUTE format('DROP TABLE %I.%I', child.nspname, child.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;

GRANT SELECT, INSERT, UPDATE ON reliability.minute_total, reliability.service_minute, reliability.probe_minute, reliability.day_total,
    reliability.minute_progress TO plimsoll_reliability;
GRANT SELECT, DELETE ON reliability.late_minute TO plimsoll_reliability;
GRANT DELETE ON reliability.service_minute TO plimsoll_reliability;
GRANT SELECT ON reliability.maintenance_window, reliability.exclusion, reliability.effective_exclusion TO plimsoll_reliability;
-- What operators write is audited in the transaction of the serving role, which writes it.
GRANT USAGE ON SCHEMA reliability TO plimsoll_serving;
GRANT SELECT, INSERT, UPDATE ON reliability.maintenance_window, reliability.exclusion TO plimsoll_serving;
GRANT SELECT ON reliability.effective_exclusion TO plimsoll_serving;

SELECT upkeep.ensure_partitions(3);
